//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_RMS_NORM_H
#define C_KERNELS_RMS_NORM_H

#include <stddef.h>

/// For each row: y = x·reciprocal·gamma with reciprocal = 1/√(mean(x²) + epsilon). `reciprocals` holds one float a row
/// and may be null; `y` may be `x`.
void ck_rms_norm(
    const float *x, size_t x_stride, const float *gamma, float epsilon, float *reciprocals, float *y, size_t y_stride,
    size_t rows, size_t columns);

/// The gradient of x from that of y: with n = x·reciprocal and g = outer·gamma, inner = (g - n·mean(g·n))·reciprocal, or
/// that added to what is there. gamma is frozen and gets none; `inner` may be `outer` if nothing is added.
void ck_rms_norm_backward(
    const float *x, size_t x_stride, const float *reciprocals, const float *gamma, const float *outer,
    size_t outer_stride, float *inner, size_t inner_stride, size_t rows, size_t columns, int adds);

#endif
