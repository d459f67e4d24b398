//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "cross_entropy.h"

#include "elementary.h"

// Exponentials of a block fit into the first-level cache.
enum { BLOCK = 2048 };

CK_KERNEL
void ck_cross_entropy(
    float *logits, size_t stride, const int32_t *labels, double *denominators, double *margins, int differentiates,
    size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        float *out = logits + row * stride;
        float largest = ck_largest(out, columns);
        margins[row] = (double)largest - (double)out[labels[row]];
        double denominator = 0.0;
        float exponentials[BLOCK];
        for (size_t start = 0; start < columns; start += BLOCK) {
            size_t count = columns - start < BLOCK ? columns - start : BLOCK;
            float *values = differentiates ? out + start : exponentials;
            for (size_t j = 0; j < count; j++) {
                values[j] = ck_exp_nonpositive(out[start + j] - largest);
            }
            denominator += (double)ck_sum(values, count);
        }
        denominators[row] = denominator;
        if (differentiates) {
            float reciprocal = (float)(1.0 / denominator);
            for (size_t j = 0; j < columns; j++) {
                out[j] *= reciprocal;
            }
            out[labels[row]] -= 1.0f;
        }
    }
}
