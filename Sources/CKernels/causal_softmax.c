//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "causal_softmax.h"

#include "softmax_row.h"

/// The keys that the query at `position` reads: [begin, end).
CK_INLINE void keys_read(size_t position, size_t window, size_t columns, size_t *begin, size_t *end) {
    *end = position + 1 < columns ? position + 1 : columns;
    *begin = position + 1 > window ? position + 1 - window : 0;
}

CK_INLINE void clear_rest(float *row, size_t begin, size_t end, size_t columns) {
    memset(row, 0, begin * sizeof *row);
    memset(row + end, 0, (columns - end) * sizeof *row);
}

CK_KERNEL
void ck_causal_softmax(
    float *x, size_t x_stride, float scale, size_t first, size_t window, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        size_t begin, end;
        keys_read(first + row, window, columns, &begin, &end);
        clear_rest(x + row * x_stride, begin, end, columns);
        ck_softmax_row(x + row * x_stride + begin, scale, end - begin);
    }
}

CK_KERNEL
void ck_causal_softmax_backward(
    const float *p, size_t p_stride, float scale, float *gradient, size_t gradient_stride, size_t first, size_t window,
    size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        size_t begin, end;
        keys_read(first + row, window, columns, &begin, &end);
        clear_rest(gradient + row * gradient_stride, begin, end, columns);
        ck_softmax_row_backward(
            p + row * p_stride + begin, scale, gradient + row * gradient_stride + begin, end - begin);
    }
}
