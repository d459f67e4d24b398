//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_ADAMW_H
#define C_KERNELS_ADAMW_H

#include <stddef.h>

/// One step of AdamW on `count` parameters. The factors are worked out by the caller in 64-bit arithmetic:
/// p = p·keep; m = first·m + first_rest·g; v = second·v + second_rest·g²;
/// p = p - step_size·m / (√v·root_correction + epsilon), where g = gradient·gradient_scale.
struct ck_adamw_factors {
    float gradient_scale, keep, first, first_rest, second, second_rest, step_size, root_correction, epsilon;
};
void ck_adamw(
    struct ck_adamw_factors factors, float *parameters, float *first_moments, float *second_moments,
    const float *gradients, size_t count);

#endif
