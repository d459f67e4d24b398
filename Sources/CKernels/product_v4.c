//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#if defined(__x86_64__)

#define CK_LEVEL(name) ck_##name##_v4
#define CK_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define CK_LANES 16
#define CK_TILE_ROWS 8
#define CK_STEP(a, b, c) __builtin_elementwise_fma(a, b, c)

#include "product_body.h"
#include "product_heads_body.h"

#endif
