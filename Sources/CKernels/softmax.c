//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "softmax.h"

#include "elementary.h"

CK_KERNEL
void ck_scaled_softmax(float *x, size_t x_stride, float scale, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        float *restrict out = x + row * x_stride;
        // A maximum has no rounding, so its order is free. NaN is not lost: it comes back in the exponentials.
        float largest = ck_largest(out, columns);
        for (size_t j = 0; j < columns; j++) {
            out[j] = ck_exp_nonpositive(scale * (out[j] - largest));
        }
        float reciprocal = 1.0f / ck_sum(out, columns);
        for (size_t j = 0; j < columns; j++) {
            out[j] *= reciprocal;
        }
    }
}

CK_KERNEL
void ck_scaled_softmax_backward(
    const float *p, size_t p_stride, float scale, float *gradient, size_t gradient_stride, size_t rows,
    size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict probability = p + row * p_stride;
        float *restrict out = gradient + row * gradient_stride;
        float projection = ck_dot(probability, out, columns);
        for (size_t j = 0; j < columns; j++) {
            out[j] = scale * (probability[j] * (out[j] - projection));
        }
    }
}
