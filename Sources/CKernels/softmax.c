//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "softmax.h"

#include "softmax_row.h"

CK_KERNEL
void ck_scaled_softmax(float *x, size_t x_stride, float scale, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        ck_softmax_row(x + row * x_stride, scale, columns);
    }
}

CK_KERNEL
void ck_scaled_softmax_backward(
    const float *p, size_t p_stride, float scale, float *gradient, size_t gradient_stride, size_t rows,
    size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        ck_softmax_row_backward(p + row * p_stride, scale, gradient + row * gradient_stride, columns);
    }
}
