//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "activations.h"

#include <math.h>

#include "elementary.h"

CK_KERNEL
void ck_add_bias(float *x, size_t x_stride, const float *restrict bias, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        float *restrict out = x + row * x_stride;
        for (size_t j = 0; j < columns; j++) {
            out[j] += bias[j];
        }
    }
}

CK_KERNEL
void ck_add_column_sums(const float *x, size_t x_stride, size_t rows, size_t columns, float *restrict sums) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict in = x + row * x_stride;
        for (size_t j = 0; j < columns; j++) {
            sums[j] += in[j];
        }
    }
}

CK_KERNEL
void ck_add_scaled(
    const float *x, size_t x_stride, float factor, float *y, size_t y_stride, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict in = x + row * x_stride;
        float *restrict out = y + row * y_stride;
        for (size_t j = 0; j < columns; j++) {
            out[j] += factor * in[j];
        }
    }
}

CK_KERNEL
void ck_multiply(const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict in = x + row * x_stride;
        float *restrict out = y + row * y_stride;
        for (size_t j = 0; j < columns; j++) {
            out[j] *= in[j];
        }
    }
}

// A function's value and slope at v are computed together; the unused one costs nothing where it is not stored.

CK_INLINE void gelu(float v, float *value, float *slope) {
    float t = v < 0.0f ? -v : v;
    float gaussian = ck_exp_nonpositive(-0.5f * (v * v));
    float tail = ck_normal_tail(t, gaussian);
    float below = v < 0.0f ? tail : 1.0f - tail;
    *value = v * below;
    *slope = below + v * (0x1.988454p-2f * gaussian);  // 1/√(2π)
}

CK_INLINE void gelu_tanh(float v, float *value, float *slope) {
    const float scale = 0x1.988454p-1f;  // √(2/π)
    float square = v * v;
    float inner = scale * v * (1.0f + 0.044715f * square);
    // (1 + tanh(u))/2 is the logistic function of 2u.
    float magnitude = inner < 0.0f ? -inner : inner;
    float e = ck_exp_nonpositive(-2.0f * magnitude);
    float inverse = 1.0f / (1.0f + e);
    float gate = inner < 0.0f ? e * inverse : inverse;
    float gate_slope = e * inverse * inverse;
    *value = v * gate;
    *slope = gate + v * gate_slope * (2.0f * scale) * (1.0f + 3.0f * 0.044715f * square);
}

CK_INLINE void relu(float v, float *value, float *slope) {
    // Written so that NaN stays NaN.
    *value = v < 0.0f ? 0.0f : v;
    *slope = v > 0.0f ? 1.0f : 0.0f;
}

#define CK_ACTIVATION(name, function)                                                                             \
    CK_KERNEL void name(                                                                                          \
        float *x, size_t x_stride, const float *restrict bias, float *slope, size_t slope_stride, size_t rows,    \
        size_t columns) {                                                                                         \
        for (size_t row = 0; row < rows; row++) {                                                                 \
            float *restrict out = x + row * x_stride;                                                             \
            if (slope) {                                                                                          \
                float *restrict derivative = slope + row * slope_stride;                                          \
                for (size_t j = 0; j < columns; j++) {                                                            \
                    float value, tangent;                                                                         \
                    function(out[j] + bias[j], &value, &tangent);                                                 \
                    out[j] = value;                                                                               \
                    derivative[j] = tangent;                                                                      \
                }                                                                                                 \
            } else {                                                                                              \
                for (size_t j = 0; j < columns; j++) {                                                            \
                    float value, tangent;                                                                         \
                    function(out[j] + bias[j], &value, &tangent);                                                 \
                    out[j] = value;                                                                               \
                }                                                                                                 \
            }                                                                                                     \
        }                                                                                                         \
    }

CK_ACTIVATION(ck_bias_gelu, gelu)
CK_ACTIVATION(ck_bias_gelu_tanh, gelu_tanh)
CK_ACTIVATION(ck_bias_relu, relu)

CK_KERNEL
void ck_bias_tanh(float *x, size_t x_stride, const float *restrict bias, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        float *restrict out = x + row * x_stride;
        for (size_t j = 0; j < columns; j++) {
            out[j] = ck_tanh_of(out[j] + bias[j]);
        }
    }
}

CK_KERNEL
void ck_tanh_backward(
    const float *y, size_t y_stride, float *gradient, size_t gradient_stride, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict value = y + row * y_stride;
        float *restrict out = gradient + row * gradient_stride;
        for (size_t j = 0; j < columns; j++) {
            out[j] *= 1.0f - value[j] * value[j];
        }
    }
}
