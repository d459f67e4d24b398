//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_SOFTMAX_H
#define C_KERNELS_SOFTMAX_H

#include <stddef.h>

/// x[row] = softmax(scale·x[row]), in place; scale > 0.
void ck_scaled_softmax(float *x, size_t x_stride, float scale, size_t rows, size_t columns);

/// The gradient of the unscaled scores from that of the probabilities, in place of it:
/// scale·p·(gradient - Σ gradient·p).
void ck_scaled_softmax_backward(
    const float *p, size_t p_stride, float scale, float *gradient, size_t gradient_stride, size_t rows,
    size_t columns);

#endif
