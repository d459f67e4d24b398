//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_LAYER_NORM_H
#define C_KERNELS_LAYER_NORM_H

#include <stddef.h>

/// For each row v = x + bias + residual (either may be null): normalised = (v - mean)·reciprocal, reciprocal =
/// 1/√(variance + epsilon), y = normalised·gamma + beta. The variance is that of the whole population.
/// `normalised` may be null; `y` may be `x`. `reciprocals` holds one float a row and may be null.
void ck_layer_norm(
    const float *x, size_t x_stride, const float *bias, const float *residual, size_t residual_stride,
    const float *gamma, const float *beta, float epsilon, float *normalised, size_t normalised_stride,
    float *reciprocals, float *y, size_t y_stride, size_t rows, size_t columns);

/// The gradient of v from that of y, in place of it: with g = gradient·gamma,
/// (g - mean(g) - normalised·mean(g·normalised))·reciprocal. gamma and beta are frozen and get none.
void ck_layer_norm_backward(
    const float *normalised, size_t normalised_stride, const float *reciprocals, const float *gamma,
    float *gradient, size_t gradient_stride, size_t rows, size_t columns);

#endif
