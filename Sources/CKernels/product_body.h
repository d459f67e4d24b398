//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// The products for one level of instructions; included once a level, by product_….c, with
//   CK_LEVEL(name)   the name for this level
//   and what product_tile.h asks for

#include <string.h>

#include "elementary.h"
#include "product_level.h"
#include "product_tile.h"
#include "transpose.h"

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
    // By the time that the sums are there, so are the lines that they go to.
    for (size_t j = 0; j < columns; j++) {
        __builtin_prefetch(y + (ptrdiff_t)j * y_row, 1, 3);
    }
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

/// Columns of a term's `b` that its tiles read together.
struct ck_panel {
    size_t first;
    /// 0 behind the last panel.
    size_t used;
    size_t width;
    /// Whether tiles read a copy: of a panel that is not full, whose rows would evict each other, or that is read often.
    int is_copied;
};

CK_INLINE struct ck_panel panel_at(size_t first, const struct ck_term *term, size_t rows, size_t columns) {
    struct ck_panel panel = {.first = first};
    if (first < columns) {
        size_t left = columns - first;
        panel.width = panel_width(left);
        panel.used = left < panel.width ? left : panel.width;
        panel.is_copied =
            panel.used < panel.width || ck_collides(term->b_depth) || (rows >= 12 && term->depth >= CK_DEEP);
    }
    return panel;
}

/// Copies the depths from `begin` to `end` of a panel that is copied.
CK_INLINE void copy_depths(
    const struct ck_panel *panel, const struct ck_term *term, size_t begin, size_t end, float *copy) {
    if (panel->is_copied) {
        copy_panel(
            term->b + (ptrdiff_t)begin * term->b_depth + panel->first, term->b_depth, end - begin, panel->used,
            panel->width, copy + begin * panel->width);
    }
}

_Static_assert(2 * CK_DEPTH_BLOCK * CK_PANEL <= CK_PRODUCT_ROOM, "the room that products are given");

/// One term, of a depth that a block holds, for all rows and columns.
/// - `copies`: room for two panels.
CK_TARGET static void add_term(
    const struct ck_term *term, size_t rows, size_t columns, float *c, ptrdiff_t c_row, int transposed, int adds,
    float *copies) {
    float block[CK_BLOCK_ROWS * CK_BLOCK_STRIDE] __attribute__((aligned(64)));
    struct ck_panel next = panel_at(0, term, rows, columns);
    copy_depths(&next, term, 0, term->depth, copies);
    for (int turn = 0; next.used > 0; turn ^= 1) {
        struct ck_panel panel = next;
        next = panel_at(panel.first + panel.used, term, rows, columns);
        struct ck_ahead ahead = {0};
        struct ck_tile tile = {.terms = {*term}, .term_count = 1, .ahead = &ahead};
        tile.terms[0].b += panel.first;
        if (panel.is_copied) {
            tile.terms[0].b = copies + turn * CK_DEPTH_BLOCK * CK_PANEL;
            tile.terms[0].b_depth = (ptrdiff_t)panel.width;
        }
        for (size_t i = 0; i < rows;) {
            size_t height = block_rows(rows - i);
            // Each block copies a part of the next panel, which its tiles fetch. Fetched as a whole a panel would evict
            // itself where its rows are a multiple of half a page apart.
            size_t begin = term->depth * i / rows, end = term->depth * (i + height) / rows;
            if (next.is_copied) {
                ahead = ahead_of(
                    term->b + (ptrdiff_t)begin * term->b_depth + next.first, term->b_depth, end - begin, next.used,
                    (height + CK_TILE_ROWS - 1) / CK_TILE_ROWS, term->depth);
            }
            tile.terms[0].a = term->a + (ptrdiff_t)i * term->a_row;
            tile.terms[0].a_row = term->a_row;
            if (ck_collides(term->a_row) && term->a_depth == 1) {
                gather_block(&tile.terms[0], height, block);
            }
            float *out = c + (ptrdiff_t)i * c_row + (ptrdiff_t)panel.first;
            if (transposed) {
                transposed_tile(
                    &tile, height, panel.used, panel.width, NULL, c + i + (ptrdiff_t)panel.first * c_row, c_row, adds);
            } else if (panel.used < panel.width) {
                edge_tile(&tile, height, panel.used, panel.width, out, c_row, adds);
            } else {
                run_tile(&tile, height, panel.width, out, c_row, adds);
            }
            copy_depths(&next, term, begin, end, copies + (turn ^ 1) * CK_DEPTH_BLOCK * CK_PANEL);
            i += height;
        }
    }
}

CK_TARGET void CK_LEVEL(product)(
    const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth, size_t depth, size_t rows,
    size_t columns, float *c, ptrdiff_t c_row, int transposed, int adds, float *room) {
    float stack[2 * CK_DEPTH_BLOCK * CK_PANEL] __attribute__((aligned(64)));
    float *copies = room ? room : stack;
    size_t first = 0;
    do {
        size_t left = depth - first;
        struct ck_term term = {
            .a = a + (ptrdiff_t)first * a_depth, .a_row = a_row, .a_depth = a_depth,
            .b = b + (ptrdiff_t)first * b_depth, .b_depth = b_depth,
            .depth = left < CK_DEPTH_BLOCK ? left : CK_DEPTH_BLOCK};
        add_term(&term, rows, columns, c, c_row, transposed, adds || first > 0, copies);
        first += CK_DEPTH_BLOCK;
    } while (first < depth);
}

/// Eight columns of a panel of `width`: as many rows of x. Where there are only `count` it is the last one again, which
/// needs no branch in the loop: nobody reads what comes of those columns.
CK_INLINE void pack_eight(
    const float *x, ptrdiff_t x_row, size_t count, size_t depth, float *panel, size_t width) {
    const float *rows[8];
    for (size_t i = 0; i < 8; i++) {
        rows[i] = x + (ptrdiff_t)(i < count ? i : count - 1) * x_row;
    }
    size_t p = 0;
    for (; p + 8 <= depth; p += 8) {
        ck_eight square[8];
        for (size_t i = 0; i < 8; i++) {
            square[i] = *(const ck_eight *)(rows[i] + p);
        }
        ck_store_transposed(square, panel + p * width, (ptrdiff_t)width);
    }
    for (; p < depth; p++) {
        for (size_t i = 0; i < 8; i++) {
            panel[p * width + i] = rows[i][p];
        }
    }
}

CK_TARGET void CK_LEVEL(pack_rows)(
    const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *packed) {
    for (size_t first = 0; first < rows;) {
        size_t width = panel_width(rows - first);
        size_t used = rows - first < width ? rows - first : width;
        for (size_t i = 0; i < width; i += 8) {
            size_t left = used - i;
            pack_eight(
                x + (ptrdiff_t)(first + i) * x_row, x_row, left < 8 ? left : 8, depth, packed + i, width);
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
            struct ck_ahead ahead = {0};
            struct ck_tile tile = {.term_count = is_last && second.depth > 0 ? 2 : 1, .ahead = &ahead};
            tile.terms[0] = (struct ck_term){
                .a = first.weights + (ptrdiff_t)j * first.weight_row + begin, .a_row = first.weight_row, .a_depth = 1,
                .depth = extent};
            if (tile.term_count == 2) {
                tile.terms[1] = (struct ck_term){
                    .a = second.weights + (ptrdiff_t)j * second.weight_row, .a_row = second.weight_row, .a_depth = 1,
                    .depth = second.depth};
            }
            if (ck_collides(first.weight_row)) {
                gather_block(&tile.terms[0], height, block);
            }
            if (j + height < columns) {
                ahead = ahead_of(
                    first.weights + (ptrdiff_t)(j + height) * first.weight_row + begin, first.weight_row,
                    block_rows(columns - j - height), extent,
                    (rows + CK_PANEL - 1) / CK_PANEL * ((height + CK_TILE_ROWS - 1) / CK_TILE_ROWS), extent);
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

CK_TARGET size_t CK_LEVEL(packed_count)(size_t rows, size_t depth) {
    size_t count = 0;
    for (size_t first = 0; first < rows;) {
        size_t width = panel_width(rows - first);
        count += width;
        first += width;
    }
    return count * depth;
}
