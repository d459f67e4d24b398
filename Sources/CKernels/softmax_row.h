//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_SOFTMAX_ROW_H
#define C_KERNELS_SOFTMAX_ROW_H

#include "elementary.h"

// One row of a softmax, which the kernels share: with all its columns, or with those that a causal mask leaves.

/// row = softmax(scale · row) over `count` values.
CK_INLINE void ck_softmax_row(float *restrict row, float scale, size_t count) {
    // A maximum has no rounding, so its order is free. NaN is not lost: it comes back in the exponentials.
    float largest = ck_largest(row, count);
    for (size_t j = 0; j < count; j++) {
        row[j] = ck_exp_nonpositive(scale * (row[j] - largest));
    }
    float reciprocal = 1.0f / ck_sum(row, count);
    for (size_t j = 0; j < count; j++) {
        row[j] *= reciprocal;
    }
}

/// From the gradient by the probabilities of a row, in place, to the gradient by what the softmax was taken of.
CK_INLINE void ck_softmax_row_backward(
    const float *restrict probability, float scale, float *restrict gradient, size_t count) {
    float projection = ck_dot(probability, gradient, count);
    for (size_t j = 0; j < count; j++) {
        gradient[j] = scale * (probability[j] * (gradient[j] - projection));
    }
}

#endif
