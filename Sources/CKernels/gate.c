//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "gate.h"

#include "elementary.h"

/// 1 / (1 + exp(-v)), by the exponential that does not overflow.
CK_INLINE float logistic(float v) {
    float e = ck_exp_nonpositive(v < 0.0f ? v : -v);
    float inverse = 1.0f / (1.0f + e);
    return v < 0.0f ? e * inverse : inverse;
}

CK_KERNEL
void ck_silu_gate(
    const float *gate, size_t gate_stride, const float *up, size_t up_stride, float *y, size_t y_stride, size_t rows,
    size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *opening = gate + row * gate_stride;
        const float *in = up + row * up_stride;
        float *out = y + row * y_stride;
        for (size_t j = 0; j < columns; j++) {
            out[j] = opening[j] * logistic(opening[j]) * in[j];
        }
    }
}

CK_KERNEL
void ck_silu_gate_backward(
    const float *gate, size_t gate_stride, const float *up, size_t up_stride, const float *outer, size_t outer_stride,
    float *gate_gradient, size_t gate_gradient_stride, float *up_gradient, size_t up_gradient_stride, size_t rows,
    size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict opening = gate + row * gate_stride;
        const float *restrict in = up + row * up_stride;
        const float *above = outer + row * outer_stride;
        float *to_gate = gate_gradient + row * gate_gradient_stride;
        float *restrict to_up = up_gradient + row * up_gradient_stride;
        for (size_t j = 0; j < columns; j++) {
            float v = opening[j], d = above[j];
            float sigma = logistic(v);
            to_up[j] = d * (v * sigma);
            to_gate[j] = d * in[j] * (sigma * (1.0f + v * (1.0f - sigma)));
        }
    }
}
