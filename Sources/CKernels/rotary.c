//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "rotary.h"

#include "elementary.h"

CK_KERNEL
void ck_rotate(
    float *x, size_t x_stride, const float *cosines, const float *sines, size_t first, float sign, size_t rows,
    size_t heads, size_t head_size) {
    size_t half = head_size / 2;
    for (size_t row = 0; row < rows; row++) {
        const float *restrict cosine = cosines + (first + row) * half;
        const float *restrict sine = sines + (first + row) * half;
        for (size_t head = 0; head < heads; head++) {
            float *restrict low = x + row * x_stride + head * head_size;
            float *restrict high = low + half;
            for (size_t j = 0; j < half; j++) {
                float a = low[j], b = high[j], s = sign * sine[j];
                low[j] = a * cosine[j] - b * s;
                high[j] = b * cosine[j] + a * s;
            }
        }
    }
}
