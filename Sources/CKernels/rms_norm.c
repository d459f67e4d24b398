//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "rms_norm.h"

#include <math.h>

#include "elementary.h"

CK_KERNEL
void ck_rms_norm(
    const float *x, size_t x_stride, const float *restrict gamma, float epsilon, float *reciprocals, float *y,
    size_t y_stride, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * x_stride;
        float *out = y + row * y_stride;
        float reciprocal = 1.0f / sqrtf(ck_dot(in, in, columns) / (float)columns + epsilon);
        if (reciprocals) {
            reciprocals[row] = reciprocal;
        }
        for (size_t j = 0; j < columns; j++) {
            out[j] = in[j] * reciprocal * gamma[j];
        }
    }
}

/// Σ outer[i]·gamma[i]·x[i].
CK_INLINE float weighted_dot(const float *outer, const float *gamma, const float *x, size_t count) {
    ck_lanes sums = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        sums += *(const ck_lanes *)(outer + i) * *(const ck_lanes *)(gamma + i) * *(const ck_lanes *)(x + i);
    }
    float rest = 0.0f;
    for (; i < count; i++) {
        rest += outer[i] * gamma[i] * x[i];
    }
    return ck_add_lanes(&sums, rest);
}

CK_KERNEL
void ck_rms_norm_backward(
    const float *x, size_t x_stride, const float *reciprocals, const float *restrict gamma, const float *outer,
    size_t outer_stride, float *inner, size_t inner_stride, size_t rows, size_t columns, int adds) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict in = x + row * x_stride;
        const float *above = outer + row * outer_stride;
        float *below = inner + row * inner_stride;
        float reciprocal = reciprocals[row];
        float projection = weighted_dot(above, gamma, in, columns) * reciprocal / (float)columns;
        float along = projection * reciprocal;
        if (adds) {
            for (size_t j = 0; j < columns; j++) {
                below[j] += (above[j] * gamma[j] - in[j] * along) * reciprocal;
            }
        } else {
            for (size_t j = 0; j < columns; j++) {
                below[j] = (above[j] * gamma[j] - in[j] * along) * reciprocal;
            }
        }
    }
}
