//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// The tiles that products are made of, for one level of instructions; see product_body.h.
//   CK_TARGET        the function attribute
//   CK_LANES         floats of the widest vector
//   CK_TILE_ROWS     most rows of a tile: with three vectors a row they must fit into the registers
//   CK_STEP(a, b, c) a·b + c of vectors

#include "elementary.h"
#include "product_ahead.h"
#include "transpose.h"

typedef float ck_wide __attribute__((vector_size(4 * CK_LANES), aligned(4), may_alias));

// Depth that is run through at once: a panel of B of this depth and the next one stay in the second-level cache.
#define CK_DEPTH_BLOCK 768
// The widest panel.
#define CK_PANEL (3 * CK_LANES)
// Rows that share a panel.
#define CK_BLOCK_ROWS 8
#define CK_BLOCK_STRIDE (CK_DEPTH_BLOCK + 16)

/// A summand of a block's tiles: pointers are at the block's first row and the panel's first column.
struct ck_term {
    const float *a;
    ptrdiff_t a_row, a_depth;
    const float *b;
    ptrdiff_t b_depth;
    size_t depth;
};

/// What a tile reads: the frozen product, and behind it a low-rank one.
struct ck_tile {
    struct ck_term terms[2];
    size_t term_count;
    struct ck_ahead *ahead;
};

/// One step of depth.
#define CK_TILE_STEP(vec, lanes, rows, vectors, left_at, right_at)                                                \
    {                                                                                                             \
        vec right[vectors];                                                                                       \
        for (int j = 0; j < vectors; j++) {                                                                       \
            right[j] = *(const vec *)((right_at) + j * lanes);                                                    \
        }                                                                                                         \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                                       \
            vec factor = (left_at)[i * a_row] - (vec){0};                                                         \
            for (int j = 0; j < vectors; j++) {                                                                   \
                sums[i][j] = CK_STEP(factor, right[j], sums[i][j]);                                               \
            }                                                                                                     \
        }                                                                                                         \
    }

/// Sums all terms in a tile of `rows` rows of `vectors` vectors at `c`, from `row` of the block on. With constant counts
/// the sums stay in registers.
#define CK_TILE_BODY(vec, lanes, rows, vectors)                                                                   \
    vec sums[rows][vectors];                                                                                      \
    for (int i = 0; i < rows; i++) {                                                                              \
        for (int j = 0; j < vectors; j++) {                                                                       \
            sums[i][j] = adds ? *(const vec *)(c + i * c_row + j * lanes) : (vec){0};                             \
        }                                                                                                         \
    }                                                                                                             \
    for (size_t number = 0; number < tile->term_count; number++) {                                                \
        const ptrdiff_t a_row = tile->terms[number].a_row, a_depth = tile->terms[number].a_depth;                 \
        const float *restrict a = tile->terms[number].a + (ptrdiff_t)row * a_row;                                 \
        const float *restrict b = tile->terms[number].b;                                                          \
        const ptrdiff_t b_depth = tile->terms[number].b_depth;                                                    \
        size_t left = tile->terms[number].depth;                                                                  \
        if (a_depth == 1 && b_depth == vectors * lanes) {                                                         \
            for (; left >= CK_AHEAD_STEPS; left -= CK_AHEAD_STEPS) {                                              \
                fetch_ahead(tile->ahead);                                                                         \
                _Pragma("clang loop unroll_count(8)") for (int p = 0; p < CK_AHEAD_STEPS; p++) {                  \
                    CK_TILE_STEP(vec, lanes, rows, vectors, a + p, b + p * vectors * lanes)                       \
                }                                                                                                 \
                a += CK_AHEAD_STEPS;                                                                              \
                b += CK_AHEAD_STEPS * vectors * lanes;                                                            \
            }                                                                                                     \
        }                                                                                                         \
        for (; left > 0; left--) {                                                                                \
            CK_TILE_STEP(vec, lanes, rows, vectors, a, b)                                                         \
            a += a_depth;                                                                                         \
            b += b_depth;                                                                                         \
        }                                                                                                         \
    }                                                                                                             \
    for (int i = 0; i < rows; i++) {                                                                              \
        for (int j = 0; j < vectors; j++) {                                                                       \
            *(vec *)(c + i * c_row + j * lanes) = sums[i][j];                                                     \
        }                                                                                                         \
    }

#define CK_TILE(rows)                                                                                             \
    CK_TARGET static void tile_three_##rows(                                                                      \
        const struct ck_tile *tile, size_t row, float *c, ptrdiff_t c_row, int adds) {                            \
        CK_TILE_BODY(ck_wide, CK_LANES, rows, 3)                                                                  \
    }                                                                                                             \
    CK_TARGET static void tile_two_##rows(                                                                        \
        const struct ck_tile *tile, size_t row, float *c, ptrdiff_t c_row, int adds) {                            \
        CK_TILE_BODY(ck_wide, CK_LANES, rows, 2)                                                                  \
    }                                                                                                             \
    CK_TARGET static void tile_one_##rows(                                                                        \
        const struct ck_tile *tile, size_t row, float *c, ptrdiff_t c_row, int adds) {                            \
        CK_TILE_BODY(ck_wide, CK_LANES, rows, 1)                                                                  \
    }                                                                                                             \
    CK_TARGET static void tile_eight_##rows(                                                                      \
        const struct ck_tile *tile, size_t row, float *c, ptrdiff_t c_row, int adds) {                            \
        CK_TILE_BODY(ck_eight, 8, rows, 1)                                                                        \
    }

CK_TILE(1)
CK_TILE(2)
CK_TILE(3)
CK_TILE(4)
#if CK_TILE_ROWS == 8
CK_TILE(5)
CK_TILE(6)
CK_TILE(7)
CK_TILE(8)
#define CK_TILES_OF(kind) {kind##_1, kind##_2, kind##_3, kind##_4, kind##_5, kind##_6, kind##_7, kind##_8}
#else
#define CK_TILES_OF(kind) {kind##_1, kind##_2, kind##_3, kind##_4}
#endif

/// By the number of eights in a row, and by rows.
static void (*const tiles[4][CK_TILE_ROWS])(const struct ck_tile *, size_t, float *, ptrdiff_t, int) = {
    CK_TILES_OF(tile_eight), CK_TILES_OF(tile_one), CK_TILES_OF(tile_two), CK_TILES_OF(tile_three)};

/// The rows of the next tile of `left` rows, as even as full tiles allow: one of few rows waits for its own sums.
CK_INLINE size_t tile_rows(size_t left) {
    size_t count = (left + CK_TILE_ROWS - 1) / CK_TILE_ROWS;
    return (left + count - 1) / count;
}

/// Runs a tile of `rows <= CK_BLOCK_ROWS` rows of `width` columns: a multiple of CK_LANES up to three, or 8.
CK_TARGET static void run_tile(
    const struct ck_tile *tile, size_t rows, size_t width, float *c, ptrdiff_t c_row, int adds) {
    size_t kind = width < CK_LANES ? 0 : width / CK_LANES;
    for (size_t row = 0; row < rows;) {
        size_t height = tile_rows(rows - row);
        tiles[kind][height - 1](tile, row, c + (ptrdiff_t)row * c_row, c_row, adds);
        row += height;
    }
}

/// The width of the next panel when `left` columns are left: the widest that has no eight columns empty. Two panels of
/// two vectors rather than one of three and one of one, if a single vector gives a tile too few sums.
CK_INLINE size_t panel_width(size_t left) {
    if (CK_TILE_ROWS < 8 && left > 3 * CK_LANES && left <= 4 * CK_LANES) {
        return 2 * CK_LANES;
    }
    for (size_t width = 3 * CK_LANES; width >= CK_LANES; width -= CK_LANES) {
        if (left + 8 > width) {
            return width;
        }
    }
    return 8;
}

/// The next block of `left` rows: one that cuts none of their tiles.
CK_INLINE size_t block_rows(size_t left) {
    size_t rows = 0;
    for (size_t tile = 0; tile < CK_BLOCK_ROWS / CK_TILE_ROWS && rows < left; tile++) {
        rows += tile_rows(left - rows);
    }
    return rows;
}
