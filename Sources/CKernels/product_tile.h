//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// The body of the products for one level of instructions; included once a level, by product_….c, with
//   CK_LEVEL(name)   the name for this level
//   CK_TARGET        the function attribute
//   CK_LANES         floats of the widest vector
//   CK_TILE_ROWS     most rows of a tile: with three vectors a row they must fit into the registers
//   CK_STEP(a, b, c) a·b + c of vectors

#include <string.h>

#include "elementary.h"
#include "product_level.h"
#include "transpose.h"

typedef float ck_wide __attribute__((vector_size(4 * CK_LANES), aligned(4), may_alias));

// Depth that is run through at once: a panel of B of this depth stays in the second-level cache.
#define CK_DEPTH_BLOCK 768
// The widest panel.
#define CK_PANEL (3 * CK_LANES)
// Rows that share a panel.
#define CK_BLOCK_ROWS 8
#define CK_BLOCK_STRIDE (CK_DEPTH_BLOCK + 16)

/// A summand of a tile: pointers are at the tile's first row and column.
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
};

/// Sums all terms in a tile of `rows` rows of `vectors` vectors at `c`. With constant counts the sums stay in registers.
#define CK_TILE_BODY(vec, lanes, rows, vectors)                                                                   \
    vec sums[rows][vectors];                                                                                      \
    for (int i = 0; i < rows; i++) {                                                                              \
        for (int j = 0; j < vectors; j++) {                                                                       \
            sums[i][j] = adds ? *(const vec *)(c + i * c_row + j * lanes) : (vec){0};                             \
        }                                                                                                         \
    }                                                                                                             \
    for (size_t number = 0; number < tile->term_count; number++) {                                                \
        const float *restrict a = tile->terms[number].a;                                                          \
        const float *restrict b = tile->terms[number].b;                                                          \
        const ptrdiff_t a_row = tile->terms[number].a_row, a_depth = tile->terms[number].a_depth;                 \
        const ptrdiff_t b_depth = tile->terms[number].b_depth;                                                    \
        for (size_t p = tile->terms[number].depth; p > 0; p--) {                                                  \
            vec right[vectors];                                                                                   \
            for (int j = 0; j < vectors; j++) {                                                                   \
                right[j] = *(const vec *)(b + j * lanes);                                                         \
            }                                                                                                     \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                                   \
                vec left = a[i * a_row] - (vec){0};                                                               \
                for (int j = 0; j < vectors; j++) {                                                               \
                    sums[i][j] = CK_STEP(left, right[j], sums[i][j]);                                             \
                }                                                                                                 \
            }                                                                                                     \
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
    CK_TARGET static void tile_three_##rows(const struct ck_tile *tile, float *c, ptrdiff_t c_row, int adds) {    \
        CK_TILE_BODY(ck_wide, CK_LANES, rows, 3)                                                                  \
    }                                                                                                             \
    CK_TARGET static void tile_two_##rows(const struct ck_tile *tile, float *c, ptrdiff_t c_row, int adds) {      \
        CK_TILE_BODY(ck_wide, CK_LANES, rows, 2)                                                                  \
    }                                                                                                             \
    CK_TARGET static void tile_one_##rows(const struct ck_tile *tile, float *c, ptrdiff_t c_row, int adds) {      \
        CK_TILE_BODY(ck_wide, CK_LANES, rows, 1)                                                                  \
    }                                                                                                             \
    CK_TARGET static void tile_eight_##rows(const struct ck_tile *tile, float *c, ptrdiff_t c_row, int adds) {    \
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
static void (*const tiles[4][CK_TILE_ROWS])(const struct ck_tile *, float *, ptrdiff_t, int) = {
    CK_TILES_OF(tile_eight), CK_TILES_OF(tile_one), CK_TILES_OF(tile_two), CK_TILES_OF(tile_three)};

/// Runs a tile of `rows <= CK_BLOCK_ROWS` rows of `width` columns: a multiple of CK_LANES up to three, or 8.
CK_TARGET static void run_tile(
    const struct ck_tile *tile, size_t rows, size_t width, float *c, ptrdiff_t c_row, int adds) {
    size_t kind = width < CK_LANES ? 0 : width / CK_LANES;
    if (rows <= CK_TILE_ROWS) {
        tiles[kind][rows - 1](tile, c, c_row, adds);
        return;
    }
    struct ck_tile part = *tile;
    for (size_t row = 0; row < rows; row += CK_TILE_ROWS) {
        size_t height = rows - row < CK_TILE_ROWS ? rows - row : CK_TILE_ROWS;
        for (size_t number = 0; number < tile->term_count; number++) {
            part.terms[number].a = tile->terms[number].a + (ptrdiff_t)row * tile->terms[number].a_row;
        }
        tiles[kind][height - 1](&part, c + (ptrdiff_t)row * c_row, c_row, adds);
    }
}

/// The width of the next panel when `left` columns are left: the widest that has no eight columns empty.
CK_INLINE size_t panel_width(size_t left) {
    for (size_t width = 3 * CK_LANES; width >= CK_LANES; width -= CK_LANES) {
        if (left + 8 > width) {
            return width;
        }
    }
    return 8;
}

/// The next block of `left` rows, as even as full blocks allow.
CK_INLINE size_t block_rows(size_t left) {
    size_t blocks = (left + CK_BLOCK_ROWS - 1) / CK_BLOCK_ROWS;
    return (left + blocks - 1) / blocks;
}

/// Whether rows that lie this far apart fall into the same few cache sets.
CK_INLINE int collides(ptrdiff_t stride) {
    return stride != 0 && stride % 1024 == 0;
}

/// Copies `height` rows of a term's `a` close to each other.
CK_INLINE void gather_block(struct ck_term *term, size_t height, float *block) {
    for (size_t row = 0; row < height; row++) {
        memcpy(
            block + row * CK_BLOCK_STRIDE, term->a + (ptrdiff_t)row * term->a_row, term->depth * sizeof(float));
    }
    term->a = block;
    term->a_row = CK_BLOCK_STRIDE;
}

/// The tile at `c`, [rows, columns <= width], by way of a buffer: for parts of a panel.
CK_TARGET static void edge_tile(
    const struct ck_tile *tile, size_t rows, size_t columns, size_t width, float *c, ptrdiff_t c_row, int adds) {
    float sums[CK_BLOCK_ROWS][CK_PANEL] __attribute__((aligned(64)));
    for (size_t i = 0; i < rows && adds; i++) {
        memcpy(sums[i], c + (ptrdiff_t)i * c_row, columns * sizeof(float));
        memset(sums[i] + columns, 0, (width - columns) * sizeof(float));
    }
    run_tile(tile, rows, width, &sums[0][0], CK_PANEL, adds);
    for (size_t i = 0; i < rows; i++) {
        memcpy(c + (ptrdiff_t)i * c_row, sums[i], columns * sizeof(float));
    }
}

/// The tile whose transpose, [columns <= width, rows], lies at `y`.
/// - `start`: what row i starts from, if nothing is added to; null for zero.
CK_TARGET static void transposed_tile(
    const struct ck_tile *tile, size_t rows, size_t columns, size_t width, const float *start, float *y,
    ptrdiff_t y_row, int adds) {
    float sums[CK_BLOCK_ROWS][CK_PANEL] __attribute__((aligned(64)));
    size_t squares = rows == 8 ? columns & ~(size_t)7 : 0;
    if (adds) {
        for (size_t j = 0; j < squares; j += 8) {
            ck_transpose_eight(y + (ptrdiff_t)j * y_row, y_row, &sums[0][j], CK_PANEL);
        }
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = squares; j < columns; j++) {
                sums[i][j] = y[(ptrdiff_t)j * y_row + (ptrdiff_t)i];
            }
            for (size_t j = columns; j < width; j++) {
                sums[i][j] = 0;
            }
        }
    } else if (start) {
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = 0; j < width; j++) {
                sums[i][j] = start[i];
            }
        }
    }
    run_tile(tile, rows, width, &sums[0][0], CK_PANEL, adds || start);
    for (size_t j = 0; j < squares; j += 8) {
        ck_transpose_eight(&sums[0][j], CK_PANEL, y + (ptrdiff_t)j * y_row, y_row);
    }
    for (size_t j = squares; j < columns; j++) {
        for (size_t i = 0; i < rows; i++) {
            y[(ptrdiff_t)j * y_row + (ptrdiff_t)i] = sums[i][j];
        }
    }
}

/// Copies `depth` rows of `columns` floats into a panel of `width`, zeros behind them.
CK_TARGET static void copy_panel(
    const float *b, ptrdiff_t b_depth, size_t depth, size_t columns, size_t width, float *panel) {
    for (size_t p = 0; p < depth; p++) {
        const float *from = b + (ptrdiff_t)p * b_depth;
        float *to = panel + p * width;
        if (columns == CK_PANEL) {
            for (size_t j = 0; j < CK_PANEL; j += 8) {
                *(ck_eight *)(to + j) = *(const ck_eight *)(from + j);
            }
            continue;
        }
        memcpy(to, from, columns * sizeof(float));
        memset(to + columns, 0, (width - columns) * sizeof(float));
    }
}

/// One term, of a depth that a block holds, for all rows and columns.
CK_TARGET static void add_term(
    const struct ck_term *term, size_t rows, size_t columns, float *c, ptrdiff_t c_row, int transposed, int adds) {
    float panel[CK_DEPTH_BLOCK * CK_PANEL] __attribute__((aligned(64)));
    float block[CK_BLOCK_ROWS * CK_BLOCK_STRIDE] __attribute__((aligned(64)));
    for (size_t j = 0; j < columns;) {
        size_t width = panel_width(columns - j);
        size_t used = columns - j < width ? columns - j : width;
        struct ck_tile tile = {.terms = {*term}, .term_count = 1};
        tile.terms[0].b += j;
        // A panel that is not full, or whose rows would evict each other, is copied, and one that is read often.
        if (used < width || collides(term->b_depth) || rows >= 24) {
            copy_panel(tile.terms[0].b, term->b_depth, term->depth, used, width, panel);
            tile.terms[0].b = panel;
            tile.terms[0].b_depth = (ptrdiff_t)width;
        }
        for (size_t i = 0; i < rows;) {
            size_t height = block_rows(rows - i);
            struct ck_tile part = tile;
            part.terms[0].a += (ptrdiff_t)i * term->a_row;
            if (collides(term->a_row) && term->a_depth == 1) {
                gather_block(&part.terms[0], height, block);
            }
            float *out = c + (ptrdiff_t)i * c_row + (ptrdiff_t)j;
            if (transposed) {
                transposed_tile(&part, height, used, width, NULL, c + i + (ptrdiff_t)j * c_row, c_row, adds);
            } else if (used < width) {
                edge_tile(&part, height, used, width, out, c_row, adds);
            } else {
                run_tile(&part, height, width, out, c_row, adds);
            }
            i += height;
        }
        j += used;
    }
}

CK_TARGET void CK_LEVEL(product)(
    const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth, size_t depth, size_t rows,
    size_t columns, float *c, ptrdiff_t c_row, int transposed, int adds) {
    size_t first = 0;
    do {
        size_t left = depth - first;
        struct ck_term term = {
            .a = a + (ptrdiff_t)first * a_depth, .a_row = a_row, .a_depth = a_depth,
            .b = b + (ptrdiff_t)first * b_depth, .b_depth = b_depth,
            .depth = left < CK_DEPTH_BLOCK ? left : CK_DEPTH_BLOCK};
        add_term(&term, rows, columns, c, c_row, transposed, adds || first > 0);
        first += CK_DEPTH_BLOCK;
    } while (first < depth);
}

CK_TARGET void CK_LEVEL(pack_rows)(
    const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *packed) {
    for (size_t first = 0; first < rows;) {
        size_t width = panel_width(rows - first);
        size_t used = rows - first < width ? rows - first : width;
        float *panel = packed;
        for (size_t i = 0; i < width; i += 8) {
            const float *from = x + (ptrdiff_t)(first + i) * x_row;
            size_t p = 0;
            if (i + 8 <= used) {
                for (; p + 8 <= depth; p += 8) {
                    ck_transpose_eight(from + p, x_row, panel + p * width + i, (ptrdiff_t)width);
                }
            }
            for (; p < depth; p++) {
                for (size_t row = 0; row < 8; row++) {
                    panel[p * width + i + row] =
                        i + row < used ? from[(ptrdiff_t)row * x_row + (ptrdiff_t)p] : 0.0f;
                }
            }
        }
        packed += width * depth;
        first += used;
    }
}

CK_TARGET void CK_LEVEL(product_packed)(
    struct ck_packed_term first, struct ck_packed_term second, const float *bias, size_t rows, size_t columns, float *y,
    ptrdiff_t y_row) {
    float block[CK_BLOCK_ROWS * CK_BLOCK_STRIDE] __attribute__((aligned(64)));
    // The first term in even blocks of depth, the second with the last of them: it is an adapter's.
    size_t blocks = (first.depth + CK_DEPTH_BLOCK - 1) / CK_DEPTH_BLOCK;
    size_t step = (first.depth + blocks - 1) / blocks;
    for (size_t begin = 0; begin < first.depth; begin += step) {
        int is_last = begin + step >= first.depth;
        size_t extent = is_last ? first.depth - begin : step;
        for (size_t j = 0; j < columns;) {
            size_t height = block_rows(columns - j);
            struct ck_tile tile = {.term_count = is_last && second.depth > 0 ? 2 : 1};
            tile.terms[0] = (struct ck_term){
                .a = first.weights + (ptrdiff_t)j * first.weight_row + begin, .a_row = first.weight_row, .a_depth = 1,
                .depth = extent};
            if (tile.term_count == 2) {
                tile.terms[1] = (struct ck_term){
                    .a = second.weights + (ptrdiff_t)j * second.weight_row, .a_row = second.weight_row, .a_depth = 1,
                    .depth = second.depth};
            }
            if (collides(first.weight_row)) {
                gather_block(&tile.terms[0], height, block);
                // The next rows of the weights come from memory while these are multiplied.
                for (size_t row = j + height; row < columns && row < j + 2 * height; row++) {
                    for (size_t place = 0; place < extent; place += 16) {
                        __builtin_prefetch(first.weights + (ptrdiff_t)row * first.weight_row + begin + place, 0, 2);
                    }
                }
            }
            for (size_t i = 0; i < rows;) {
                // All panels before this one are full.
                size_t width = panel_width(rows - i);
                size_t used = rows - i < width ? rows - i : width;
                tile.terms[0].b = first.packed + i * first.depth + begin * width;
                tile.terms[0].b_depth = (ptrdiff_t)width;
                if (tile.term_count == 2) {
                    tile.terms[1].b = second.packed + i * second.depth;
                    tile.terms[1].b_depth = (ptrdiff_t)width;
                }
                transposed_tile(
                    &tile, height, used, width, bias ? bias + j : NULL, y + (ptrdiff_t)i * y_row + (ptrdiff_t)j, y_row,
                    begin > 0);
                i += used;
            }
            j += height;
        }
    }
}

CK_TARGET void CK_LEVEL(product_by_packed)(
    const float *a, ptrdiff_t a_row, const float *packed, size_t depth, size_t rows, size_t columns, float *c,
    ptrdiff_t c_row) {
    for (size_t j = 0; j < columns;) {
        size_t width = panel_width(columns - j);
        struct ck_tile tile = {
            .terms = {{.a = a, .a_row = a_row, .a_depth = 1, .b = packed + j * depth, .b_depth = (ptrdiff_t)width,
                       .depth = depth}},
            .term_count = 1};
        for (size_t i = 0; i < rows;) {
            size_t height = block_rows(rows - i);
            tile.terms[0].a = a + (ptrdiff_t)i * a_row;
            run_tile(&tile, height, width, c + (ptrdiff_t)i * c_row + (ptrdiff_t)j, c_row, 0);
            i += height;
        }
        j += width;
    }
}

CK_TARGET size_t CK_LEVEL(packed_count)(size_t rows, size_t depth) {
    size_t count = 0;
    for (size_t first = 0; first < rows;) {
        size_t width = panel_width(rows - first);
        count += width;
        first += width;
    }
    return count * depth;
}
