//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_CAUSAL_SOFTMAX_H
#define C_KERNELS_CAUSAL_SOFTMAX_H

#include <stddef.h>

// Row i is the query at position first + i, column j the key at position j. A query reads the keys at most `window` - 1
// before it, itself, and none behind it.

/// Each row becomes softmax(scale·row) over the keys that it reads, and 0 elsewhere. scale > 0.
void ck_causal_softmax(
    float *x, size_t x_stride, float scale, size_t first, size_t window, size_t rows, size_t columns);

/// The gradient of the scores from that of p = softmax(scale·scores), in place of it: scale·p·(g - Σ p·g) over the keys
/// that are read, and 0 elsewhere.
void ck_causal_softmax_backward(
    const float *p, size_t p_stride, float scale, float *gradient, size_t gradient_stride, size_t first, size_t window,
    size_t rows, size_t columns);

#endif
