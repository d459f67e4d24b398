//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// The products of heads for one level of instructions; included once a level, behind product_body.h. Of short sentences
// a product is so small that what surrounds a tile there costs as much as the tile: these tiles have nothing around
// them. All but columns that were rows are read where they lie.

#include "product_heads.h"

/// Most rows of a tile of two vectors, and of one: eight sums hide how long a multiply-add takes.
#define CK_HEAD_ROWS_OF_TWO 4
#define CK_HEAD_ROWS_OF_ONE 8
/// How many heads ahead floats are fetched: of each row a head has a few cache lines, too few for the processor to see
/// where the next head's lie.
#define CK_HEADS_AHEAD 2
/// Most floats of a head's result that are fetched: larger ones would be gone from the near caches again.
#define CK_HEAD_FETCHED (128 * 128)

/// Sums of `rows` rows of `vectors` vectors.
#define CK_HEAD_TILE_CASE(vec, lanes, rows, vectors)                                                              \
    case rows: {                                                                                                  \
        vec sums[rows][vectors] = {{{0}}};                                                                        \
        for (size_t p = 0; p < depth; p++) {                                                                      \
            CK_TILE_STEP(vec, lanes, rows, vectors, a, b)                                                         \
            a += a_depth;                                                                                         \
            b += b_depth;                                                                                         \
        }                                                                                                         \
        for (int i = 0; i < rows; i++) {                                                                          \
            for (int j = 0; j < vectors; j++) {                                                                   \
                *(vec *)(c + i * c_row + j * lanes) = sums[i][j];                                                 \
            }                                                                                                     \
        }                                                                                                         \
        break;                                                                                                    \
    }

#define CK_HEAD_TILE(name, cases)                                                                                 \
    CK_TARGET static void name(                                                                                   \
        const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth, size_t depth,      \
        size_t rows, float *c, ptrdiff_t c_row) {                                                                 \
        switch (rows) { cases }                                                                                   \
    }

#define CK_HEAD_CASES_OF_FOUR(vec, lanes, vectors)                                                                \
    CK_HEAD_TILE_CASE(vec, lanes, 1, vectors)                                                                     \
    CK_HEAD_TILE_CASE(vec, lanes, 2, vectors)                                                                     \
    CK_HEAD_TILE_CASE(vec, lanes, 3, vectors)                                                                     \
    CK_HEAD_TILE_CASE(vec, lanes, 4, vectors)

#define CK_HEAD_CASES_OF_EIGHT(vec, lanes, vectors)                                                               \
    CK_HEAD_CASES_OF_FOUR(vec, lanes, vectors)                                                                    \
    CK_HEAD_TILE_CASE(vec, lanes, 5, vectors)                                                                     \
    CK_HEAD_TILE_CASE(vec, lanes, 6, vectors)                                                                     \
    CK_HEAD_TILE_CASE(vec, lanes, 7, vectors)                                                                     \
    CK_HEAD_TILE_CASE(vec, lanes, 8, vectors)

CK_HEAD_TILE(head_tile_two, CK_HEAD_CASES_OF_FOUR(ck_wide, CK_LANES, 2))
CK_HEAD_TILE(head_tile_one, CK_HEAD_CASES_OF_EIGHT(ck_wide, CK_LANES, 1))
CK_HEAD_TILE(head_tile_eight, CK_HEAD_CASES_OF_EIGHT(ck_eight, 8, 1))

/// The width of the next panel when `left` columns are left, a multiple of eight.
CK_INLINE size_t head_panel_width(size_t left) {
    return left >= 2 * CK_LANES ? 2 * CK_LANES : left >= CK_LANES ? CK_LANES : 8;
}

/// [rows, width] at c: all rows by one panel of b.
CK_INLINE void head_panel(
    const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth, size_t depth, size_t rows,
    size_t width, float *c, ptrdiff_t c_row) {
    size_t most = width == 2 * CK_LANES ? CK_HEAD_ROWS_OF_TWO : CK_HEAD_ROWS_OF_ONE;
    for (size_t row = 0; row < rows; row += most) {
        size_t height = rows - row < most ? rows - row : most;
        const float *from = a + (ptrdiff_t)row * a_row;
        float *to = c + (ptrdiff_t)row * c_row;
        if (width == 2 * CK_LANES) {
            head_tile_two(from, a_row, a_depth, b, b_depth, depth, height, to, c_row);
        } else if (width == CK_LANES) {
            head_tile_one(from, a_row, a_depth, b, b_depth, depth, height, to, c_row);
        } else {
            head_tile_eight(from, a_row, a_depth, b, b_depth, depth, height, to, c_row);
        }
    }
}

/// Asks for [rows, columns] at x: to be written if `writes`, which is a constant wherever this is used, as it must be.
CK_INLINE void fetch_rows(const float *x, ptrdiff_t x_row, size_t rows, size_t columns, const int writes) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t j = 0; j < columns; j += CK_CACHE_LINE / sizeof(float)) {
            if (writes) {
                __builtin_prefetch(x + (ptrdiff_t)row * x_row + j, 1, 3);
            } else {
                __builtin_prefetch(x + (ptrdiff_t)row * x_row + j, 0, 3);
            }
        }
    }
}

CK_TARGET void CK_LEVEL(product_heads)(
    struct ck_heads heads, const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth,
    size_t depth, size_t rows, size_t columns, float *c, ptrdiff_t c_row) {
    for (size_t head = 0; head < heads.count; head++) {
        if (head + CK_HEADS_AHEAD < heads.count) {
            fetch_rows(b + CK_HEADS_AHEAD * heads.b, b_depth, depth, columns, 0);
            fetch_rows(c + CK_HEADS_AHEAD * heads.c, c_row, rows, columns, 1);
        }
        for (size_t first = 0; first < columns;) {
            size_t width = head_panel_width(columns - first);
            head_panel(a, a_row, a_depth, b + first, b_depth, depth, rows, width, c + first, c_row);
            first += width;
        }
        a += heads.a;
        b += heads.b;
        c += heads.c;
    }
}

CK_TARGET void CK_LEVEL(product_heads_by_rows)(
    struct ck_heads heads, const float *a, ptrdiff_t a_row, const float *b, ptrdiff_t b_row, size_t depth, size_t rows,
    size_t columns, float *packed, float *c, ptrdiff_t c_row) {
    for (size_t head = 0; head < heads.count; head++) {
        if (head + CK_HEADS_AHEAD < heads.count) {
            fetch_rows(a + CK_HEADS_AHEAD * heads.a, a_row, rows, depth, 0);
            fetch_rows(b + CK_HEADS_AHEAD * heads.b, b_row, columns, depth, 0);
            if (rows * columns <= CK_HEAD_FETCHED) {
                fetch_rows(c + CK_HEADS_AHEAD * heads.c, c_row, rows, columns, 1);
            }
        }
        for (size_t first = 0; first < columns;) {
            size_t width = head_panel_width((columns - first + 7) / 8 * 8);
            for (size_t i = 0; i < width; i += 8) {
                size_t left = columns - first - i;
                pack_eight(
                    b + (ptrdiff_t)(first + i) * b_row, b_row, left < 8 ? left : 8, depth, packed + i, width);
            }
            head_panel(a, a_row, 1, packed, (ptrdiff_t)width, depth, rows, width, c + first, c_row);
            first += width;
        }
        a += heads.a;
        b += heads.b;
        c += heads.c;
    }
}
