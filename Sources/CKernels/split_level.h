//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_SPLIT_LEVEL_H
#define C_KERNELS_SPLIT_LEVEL_H

#include <stdint.h>

#include "elementary.h"
#include "split_product.h"

// Both factors are laid out in tiles of 1 KiB, which hold 32 of the depth and 16 rows (of the left factor) or columns
// (of the right one). A left tile is row by row; a right one is 16 rows of pairs, row k with the elements 2k and 2k + 1
// of each of its columns. A panel is one or two tiles side by side; along the depth follow each other, step by step of
// 32, the high parts of its tiles and then the low parts.
//
// Laying out and multiplying differ by processor; split_weights.c and split_product.c put them together.

enum { CK_TILE = 512, CK_TILE_EDGE = 16, CK_TILE_DEPTH = 32, CK_PANEL_EDGE = 32 };
/// Elements of a panel of weights with both parts.
enum { CK_PANEL_ROOM = CK_SPLIT_DEPTH * 2 * CK_PANEL_EDGE };

/// A panel of `tiles` tiles and `parts` parts (2; 1 if there is no low part), `steps` steps deep.
struct ck_split_panel {
    const uint16_t *values;
    size_t tiles;
    int parts;
};

/// What is to be fetched into the cache meanwhile: `rows` rows of `extent` bytes, the first from `place` on, so many
/// lines a step.
struct ck_split_ahead {
    const char *row;
    ptrdiff_t row_bytes;
    size_t extent, place, rows, lines;
};

#define CK_SPLIT_LEVEL(suffix)                                                                                    \
    /* Lays out 16 rows of which `rows` exist, `depth` of the depth, one tile of a panel. */                      \
    void ck_split_left_tile_##suffix(                                                                             \
        const float *x, ptrdiff_t x_row, size_t rows, size_t depth, size_t tiles, uint16_t *panel);               \
    void ck_split_right_tile_##suffix(                                                                            \
        const float *x, ptrdiff_t x_row, size_t rows, size_t depth, size_t tiles, uint16_t *panel);               \
    /* A panel of `columns` columns, at most 32, of a matrix whose rows are the depth. */                         \
    void ck_split_right_columns_##suffix(                                                                         \
        const float *x, ptrdiff_t x_row, size_t columns, size_t depth, uint16_t *panel);                          \
    /* sums[i][j], [32, 32], of two panels. */                                                                    \
    void ck_split_multiply_##suffix(                                                                              \
        struct ck_split_panel left, struct ck_split_panel right, size_t steps, float *sums,                     \
        struct ck_split_ahead *ahead);

CK_SPLIT_LEVEL(portable)
#if defined(__x86_64__)
CK_SPLIT_LEVEL(amx)
#endif

#if defined(__x86_64__)
#define CK_SPLIT_CALL(name, ...)                                                                                  \
    if (ck_has_matrix_unit()) {                                                                                   \
        ck_split_##name##_amx(__VA_ARGS__);                                                                       \
    } else {                                                                                                      \
        ck_split_##name##_portable(__VA_ARGS__);                                                                  \
    }
#else
#define CK_SPLIT_CALL(name, ...) ck_split_##name##_portable(__VA_ARGS__);
#endif

CK_INLINE size_t steps_of(size_t depth) {
    return (depth + CK_TILE_DEPTH - 1) / CK_TILE_DEPTH;
}

CK_INLINE size_t tiles_of(size_t left) {
    return left > CK_TILE_EDGE ? 2 : 1;
}

CK_INLINE size_t at_most(size_t value, size_t limit) {
    return value < limit ? value : limit;
}

/// The rows of `weights` from `first` on as a left panel, `extent` of the depth from `begin` on; `room` is for one.
struct ck_split_panel ck_split_left_panel(
    struct ck_split_weights weights, size_t first, size_t rows, size_t begin, size_t extent, uint16_t *room);

/// The columns of `weights` from `first` on as one or two right panels, `extent` of the rows from `begin` on; `room` is
/// for two. Returns how many there are.
size_t ck_split_right_panels(
    struct ck_split_weights weights, size_t first, size_t columns, size_t begin, size_t extent, uint16_t *room,
    struct ck_split_panel panels[2]);

/// Part of the weights, to be fetched while others are multiplied.
struct ck_split_ahead ck_split_ahead_of(
    struct ck_split_weights weights, size_t row, size_t rows, size_t column, size_t columns);

#endif
