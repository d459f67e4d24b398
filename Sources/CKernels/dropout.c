//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "dropout.h"

#include "elementary.h"

// Philox-4x32-10 (Salmon et al., SC 2011) at 16 counters side by side; the Swift module Randomness has the one that
// reads well.
enum { WIDTH = 16 };

CK_INLINE void draw(
    uint32_t key_low, uint32_t key_high, uint32_t place, uint32_t token, uint32_t example, uint32_t step,
    uint32_t words[4][WIDTH]) {
    for (uint32_t i = 0; i < WIDTH; i++) {
        words[0][i] = place + i;
        words[1][i] = token;
        words[2][i] = example;
        words[3][i] = step;
    }
    uint32_t k0 = key_low, k1 = key_high;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < WIDTH; i++) {
            uint64_t first = (uint64_t)0xD2511F53u * words[0][i];
            uint64_t second = (uint64_t)0xCD9E8D57u * words[2][i];
            uint32_t a = (uint32_t)(second >> 32) ^ words[1][i] ^ k0;
            uint32_t c = (uint32_t)(first >> 32) ^ words[3][i] ^ k1;
            words[0][i] = a;
            words[1][i] = (uint32_t)second;
            words[2][i] = c;
            words[3][i] = (uint32_t)first;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

CK_KERNEL
void ck_dropout(
    const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns, float probability,
    uint32_t key_low, uint32_t key_high, uint32_t first_token, uint32_t example, uint32_t step) {
    float factor = 1.0f / (1.0f - probability);
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * x_stride;
        float *out = y + row * y_stride;
        for (size_t start = 0; start < columns; start += 4 * WIDTH) {
            uint32_t words[4][WIDTH];
            draw(key_low, key_high, (uint32_t)(start / 4), first_token + (uint32_t)row, example, step, words);
            float factors[4 * WIDTH];
            for (int i = 0; i < WIDTH; i++) {
                for (int word = 0; word < 4; word++) {
                    float unit = (float)(words[word][i] >> 8) * 0x1p-24f;
                    factors[4 * i + word] = unit < probability ? 0.0f : factor;
                }
            }
            size_t count = columns - start < 4 * WIDTH ? columns - start : 4 * WIDTH;
            for (size_t j = 0; j < count; j++) {
                out[start + j] = in[start + j] * factors[j];
            }
        }
    }
}
