//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_DROPOUT_H
#define C_KERNELS_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

/// y[i][j] = x[i][j] / (1 - probability), or 0 where the draw is below `probability`. The draw of an element is
/// word j % 4 of Philox-4x32-10 under the key (key_low, key_high) at the counter (j / 4, first_token + i, example, step), as 24 bits
/// times 2^-24. `y` may be `x`.
void ck_dropout(
    const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t columns, float probability,
    uint32_t key_low, uint32_t key_high, uint32_t first_token, uint32_t example, uint32_t step);

#endif
