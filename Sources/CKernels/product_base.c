//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#define CK_LEVEL(name) ck_##name##_base
#define CK_TARGET
#define CK_LANES 8
#define CK_TILE_ROWS 4
#if defined(__x86_64__)
// Without FMA two roundings a step: the bits of other levels are out of reach at any speed worth having.
#define CK_STEP(a, b, c) ((a) * (b) + (c))
#else
#define CK_STEP(a, b, c) __builtin_elementwise_fma(a, b, c)
#endif

#include "product_body.h"
#include "product_heads_body.h"
