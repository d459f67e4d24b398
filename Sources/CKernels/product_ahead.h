//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_PRODUCT_AHEAD_H
#define C_KERNELS_PRODUCT_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "elementary.h"

/// Steps that a tile does between two looks at what is to be fetched ahead.
#define CK_AHEAD_STEPS 32

/// In bytes.
#define CK_CACHE_LINE 64

/// Floats that a later block or panel reads: they come from memory while this one is multiplied, some cache lines every
/// CK_AHEAD_STEPS steps of a tile. Asked for all at once they would hold up the tile's own loads.
struct ck_ahead {
    /// The first one at the beginning of a cache line, the others as far from it as their stride says.
    const float *row;
    ptrdiff_t row_stride;
    size_t rows;
    /// Floats of a row from there on, and how many of this one were asked for.
    size_t columns, done;
    /// Pairs of cache lines at each look.
    size_t burst;
};

/// Rows to be fetched in the course of `tiles` tiles of this depth.
CK_INLINE struct ck_ahead ahead_of(
    const float *row, ptrdiff_t row_stride, size_t rows, size_t columns, size_t tiles, size_t depth) {
    size_t looks = tiles * (depth / CK_AHEAD_STEPS);
    // A row that begins within a line ends in one more than its length says.
    columns += (uintptr_t)row % CK_CACHE_LINE / sizeof(float);
    return (struct ck_ahead){
        .row = (const float *)((uintptr_t)row / CK_CACHE_LINE * CK_CACHE_LINE), .row_stride = row_stride,
        .rows = looks > 0 ? rows : 0, .columns = columns,
        .burst = looks > 0 ? (rows * ((columns + 31) / 32) + looks - 1) / looks : 0};
}

CK_INLINE void fetch_ahead(struct ck_ahead *ahead) {
    for (size_t pair = 0; pair < ahead->burst && ahead->rows > 0; pair++) {
        __builtin_prefetch(ahead->row + ahead->done, 0, 2);
        __builtin_prefetch(ahead->row + ahead->done + 16, 0, 2);
        ahead->done += 32;
        if (ahead->done >= ahead->columns) {
            ahead->done = 0;
            ahead->row += ahead->row_stride;
            ahead->rows--;
        }
    }
}

#endif
