//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_CROSS_ENTROPY_H
#define C_KERNELS_CROSS_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/// For each row of logits with label l: denominators[row] = Σ_j exp(logit_j - largest), margins[row] = largest -
/// logit_l, so that the loss is log(denominator) + margin; and, if `differentiates`, the row becomes the loss's gradient,
/// softmax(row) with 1 less at l. Exponentials are summed in 32-bit floats over blocks of the vocabulary, and the
/// blocks in 64-bit ones.
void ck_cross_entropy(
    float *logits, size_t stride, const int32_t *labels, double *denominators, double *margins, int differentiates,
    size_t rows, size_t columns);

#endif
