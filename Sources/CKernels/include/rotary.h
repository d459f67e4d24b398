//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_ROTARY_H
#define C_KERNELS_ROTARY_H

#include <stddef.h>

/// Turns each head of each row: of a head's columns, j and j + half (half = head_size / 2) are a pair that becomes
/// (a·cos - b·sin, b·cos + a·sin). Row i is turned by row first + i of the tables, [positions, half]. With `sign` -1 it
/// is turned back, which is the gradient of the turn; with 1 it is turned.
void ck_rotate(
    float *x, size_t x_stride, const float *cosines, const float *sines, size_t first, float sign, size_t rows,
    size_t heads, size_t head_size);

#endif
