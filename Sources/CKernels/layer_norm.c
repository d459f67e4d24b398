//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "layer_norm.h"

#include <math.h>

#include "elementary.h"

CK_KERNEL
void ck_layer_norm(
    const float *x, size_t x_stride, const float *bias, const float *residual, size_t residual_stride,
    const float *gamma, const float *beta, float epsilon, float *normalised, size_t normalised_stride,
    float *reciprocals, float *y, size_t y_stride, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * x_stride;
        float *out = y + row * y_stride;
        // The sum of the inputs is kept where the result goes, so that x is read once.
        if (bias && residual) {
            const float *other = residual + row * residual_stride;
            for (size_t j = 0; j < columns; j++) {
                out[j] = in[j] + bias[j] + other[j];
            }
        } else if (bias) {
            for (size_t j = 0; j < columns; j++) {
                out[j] = in[j] + bias[j];
            }
        } else if (residual) {
            const float *other = residual + row * residual_stride;
            for (size_t j = 0; j < columns; j++) {
                out[j] = in[j] + other[j];
            }
        } else if (in != out) {
            memcpy(out, in, columns * sizeof *out);
        }
        float mean = ck_sum(out, columns) / (float)columns;
        float variance = ck_sum_of_squared_deviations(out, mean, columns) / (float)columns;
        float reciprocal = 1.0f / sqrtf(variance + epsilon);
        if (reciprocals) {
            reciprocals[row] = reciprocal;
        }
        if (normalised) {
            float *restrict kept = normalised + row * normalised_stride;
            for (size_t j = 0; j < columns; j++) {
                float value = (out[j] - mean) * reciprocal;
                kept[j] = value;
                out[j] = value * gamma[j] + beta[j];
            }
        } else {
            for (size_t j = 0; j < columns; j++) {
                float value = (out[j] - mean) * reciprocal;
                out[j] = value * gamma[j] + beta[j];
            }
        }
    }
}

CK_KERNEL
void ck_layer_norm_backward(
    const float *normalised, size_t normalised_stride, const float *reciprocals, const float *restrict gamma,
    float *gradient, size_t gradient_stride, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict kept = normalised + row * normalised_stride;
        float *restrict out = gradient + row * gradient_stride;
        for (size_t j = 0; j < columns; j++) {
            out[j] *= gamma[j];
        }
        float mean = ck_sum(out, columns) / (float)columns;
        float projection = ck_dot(out, kept, columns) / (float)columns;
        float reciprocal = reciprocals[row];
        for (size_t j = 0; j < columns; j++) {
            out[j] = (out[j] - mean - kept[j] * projection) * reciprocal;
        }
    }
}
