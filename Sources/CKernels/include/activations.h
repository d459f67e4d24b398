//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_ACTIVATIONS_H
#define C_KERNELS_ACTIVATIONS_H

#include <stddef.h>

// Matrices are row-major with `…_stride` floats from row to row.

/// x[row] += bias.
void ck_add_bias(float *x, size_t x_stride, const float *bias, size_t rows, size_t columns);

/// sums[j] += Σ over rows of x[row][j], rows in order.
void ck_add_column_sums(const float *x, size_t x_stride, size_t rows, size_t columns, float *sums);

/// y[row] += factor * x[row].
void ck_add_scaled(
    const float *x, size_t x_stride, float factor, float *y, size_t y_stride, size_t rows, size_t columns);

/// y[row] *= x[row], element by element.
void ck_multiply(const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns);

/// x = f(x + bias) and slope = f'(x + bias), where f(v) = v·Φ(v), Φ the normal distribution (the GELU by the error
/// function). `slope` may be null.
void ck_bias_gelu(
    float *x, size_t x_stride, const float *bias, float *slope, size_t slope_stride, size_t rows, size_t columns);

/// The same for the GELU by tanh: f(v) = v/2·(1 + tanh(√(2/π)·(v + 0.044715·v³))).
void ck_bias_gelu_tanh(
    float *x, size_t x_stride, const float *bias, float *slope, size_t slope_stride, size_t rows, size_t columns);

/// The same for f(v) = max(v, 0), whose slope at 0 is 0.
void ck_bias_relu(
    float *x, size_t x_stride, const float *bias, float *slope, size_t slope_stride, size_t rows, size_t columns);

/// x = tanh(x + bias). The slope is 1 - x².
void ck_bias_tanh(float *x, size_t x_stride, const float *bias, size_t rows, size_t columns);

/// gradient *= 1 - y², where y = tanh(…).
void ck_tanh_backward(
    const float *y, size_t y_stride, float *gradient, size_t gradient_stride, size_t rows, size_t columns);

#endif
