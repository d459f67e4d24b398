//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "split_product.h"

#include <stdlib.h>
#include <string.h>

#include "elementary.h"
#include "split_level.h"
#include "transpose.h"

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>

// From the kernel's asm/prctl.h and its documentation of extended features (x86/xstate).
enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
#endif

static _Thread_local int leaves = 0;

void ck_leave_matrix_unit(int leave) {
    leaves = leave;
}

int ck_has_matrix_unit(void) {
#if defined(__linux__) && defined(__x86_64__)
    static int known = 0;
    int found = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (found == 0) {
        const char *wanted = getenv("LORADROP_MATRIX_UNIT");
        int may = !wanted || strcmp(wanted, "0") != 0;
        int has = __builtin_cpu_supports("amx-bf16") && __builtin_cpu_supports("amx-tile")
            && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("x86-64-v4");
        // A thread's state grows by 8 KiB with the first tile; the kernel wants to be asked before.
        found = may && has && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 ? 1 : 2;
        __atomic_store_n(&known, found, __ATOMIC_RELAXED);
    }
    return found == 1 && !leaves;
#else
    return 0;
#endif
}

size_t ck_split_count(size_t rows, size_t depth) {
    size_t edges = (rows + CK_TILE_EDGE - 1) / CK_TILE_EDGE;
    return edges * steps_of(depth) * 2 * CK_TILE / 2;
}

/// Lays a matrix out, panel by panel.
static void lay_out(const float *x, ptrdiff_t x_row, size_t rows, size_t depth, int is_left, float *laid_out) {
    uint16_t *panel = (uint16_t *)laid_out;
    for (size_t i = 0; i < rows; i += CK_PANEL_EDGE) {
        size_t tiles = tiles_of(rows - i);
        for (size_t t = 0; t < tiles; t++) {
            size_t first = i + t * CK_TILE_EDGE, there = at_most(rows - first, CK_TILE_EDGE);
            const float *from = x + (ptrdiff_t)first * x_row;
            uint16_t *to = panel + t * CK_TILE;
            if (is_left) {
                CK_SPLIT_CALL(left_tile, from, x_row, there, depth, tiles, to)
            } else {
                CK_SPLIT_CALL(right_tile, from, x_row, there, depth, tiles, to)
            }
        }
        panel += steps_of(depth) * 2 * tiles * CK_TILE;
    }
}

void ck_split_right(const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *laid_out) {
    lay_out(x, x_row, rows, depth, 0, laid_out);
}

void ck_split_left(const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *laid_out) {
    lay_out(x, x_row, rows, depth, 1, laid_out);
}

/// The panel that begins with row `first` of a laid-out matrix of `rows` rows, from depth `begin` on.
CK_INLINE struct ck_split_panel panel_of(const float *laid_out, size_t rows, size_t depth, size_t first, size_t begin) {
    size_t tiles = tiles_of(rows - first);
    const uint16_t *values = (const uint16_t *)laid_out + first / CK_TILE_EDGE * steps_of(depth) * 2 * CK_TILE;
    return (struct ck_split_panel){
        .values = values + begin / CK_TILE_DEPTH * 2 * tiles * CK_TILE, .tiles = tiles, .parts = 2};
}

/// y[i][j] = (adds ? y[i][j] : bias[j]) + sums[i][j]; `bias` may be null, for zeros.
CK_KERNEL
static void put_sums(
    const float *sums, size_t rows, size_t columns, const float *bias, float *y, ptrdiff_t y_row, int adds) {
    for (size_t i = 0; i < rows; i++) {
        float *to = y + (ptrdiff_t)i * y_row;
        const float *from = sums + i * CK_PANEL_EDGE;
        const float *start = adds ? to : bias;
        if (start && columns == CK_PANEL_EDGE) {
            for (size_t j = 0; j < CK_PANEL_EDGE; j++) {
                to[j] = start[j] + from[j];
            }
            continue;
        }
        for (size_t j = 0; j < columns; j++) {
            to[j] = (start ? start[j] : 0.0f) + from[j];
        }
    }
}

/// The same of the transposed sums: y[j][i] = (adds ? y[j][i] : bias[i]) + sums[i][j].
CK_KERNEL
static void put_transposed(
    const float *sums, size_t rows, size_t columns, const float *bias, float *y, ptrdiff_t y_row, int adds) {
    float turned[CK_PANEL_EDGE * CK_PANEL_EDGE] __attribute__((aligned(64)));
    for (size_t i = 0; i < CK_PANEL_EDGE; i += 8) {
        for (size_t j = 0; j < columns; j += 8) {
            ck_transpose_eight(
                sums + i * CK_PANEL_EDGE + j, CK_PANEL_EDGE, turned + j * CK_PANEL_EDGE + i, CK_PANEL_EDGE);
        }
    }
    put_sums(turned, columns, rows, bias, y, y_row, adds);
}

/// Cache lines to ask for in each step, so that all are there when `rows` rows are done.
static size_t share(const struct ck_split_ahead *ahead, size_t rows, size_t steps) {
    size_t lines = ahead->rows * ((ahead->extent + 63) / 64);
    size_t rounds = (rows + CK_PANEL_EDGE - 1) / CK_PANEL_EDGE * steps;
    return (lines + rounds - 1) / rounds;
}

void ck_split_product_transposed(
    const float *x, struct ck_split_weights weights, const float *bias, size_t depth, size_t rows, size_t columns,
    float *y, ptrdiff_t y_row, int adds) {
    uint16_t room[CK_PANEL_ROOM] __attribute__((aligned(64)));
    float sums[CK_PANEL_EDGE * CK_PANEL_EDGE] __attribute__((aligned(64)));
    for (size_t begin = 0; begin < depth; begin += CK_SPLIT_DEPTH) {
        size_t extent = at_most(depth - begin, CK_SPLIT_DEPTH);
        for (size_t j = 0; j < columns; j += CK_PANEL_EDGE) {
            struct ck_split_panel left = ck_split_left_panel(weights, j, columns, begin, extent, room);
            size_t next = at_most(j + CK_PANEL_EDGE, columns);
            struct ck_split_ahead ahead =
                ck_split_ahead_of(weights, next, at_most(columns - next, CK_PANEL_EDGE), begin, extent);
            ahead.lines = share(&ahead, rows, steps_of(extent));
            for (size_t i = 0; i < rows; i += CK_PANEL_EDGE) {
                struct ck_split_panel right = panel_of(x, rows, depth, i, begin);
                CK_SPLIT_CALL(multiply, left, right, steps_of(extent), sums, &ahead)
                put_transposed(
                    sums, at_most(columns - j, CK_PANEL_EDGE), at_most(rows - i, CK_PANEL_EDGE),
                    bias ? bias + j : NULL, y + (ptrdiff_t)i * y_row + (ptrdiff_t)j, y_row, adds || begin > 0);
            }
        }
    }
}

void ck_split_product(
    const float *x, struct ck_split_weights weights, size_t depth, size_t rows, size_t columns, float *y,
    ptrdiff_t y_row, int adds) {
    uint16_t room[2 * CK_PANEL_ROOM] __attribute__((aligned(64)));
    float sums[CK_PANEL_EDGE * CK_PANEL_EDGE] __attribute__((aligned(64)));
    for (size_t begin = 0; begin < depth; begin += CK_SPLIT_DEPTH) {
        size_t extent = at_most(depth - begin, CK_SPLIT_DEPTH);
        // Two panels at a time: a row of the weights is entered half as often.
        for (size_t j = 0; j < columns; j += 2 * CK_PANEL_EDGE) {
            struct ck_split_panel right[2];
            size_t panels = ck_split_right_panels(weights, j, columns, begin, extent, room, right);
            size_t next = at_most(j + 2 * CK_PANEL_EDGE, columns);
            struct ck_split_ahead ahead =
                ck_split_ahead_of(weights, begin, extent, next, at_most(columns - next, 2 * CK_PANEL_EDGE));
            ahead.lines = share(&ahead, rows, panels * steps_of(extent));
            for (size_t i = 0; i < rows; i += CK_PANEL_EDGE) {
                struct ck_split_panel left = panel_of(x, rows, depth, i, begin);
                for (size_t p = 0; p < panels; p++) {
                    size_t column = j + p * CK_PANEL_EDGE;
                    CK_SPLIT_CALL(multiply, left, right[p], steps_of(extent), sums, &ahead)
                    put_sums(
                        sums, at_most(rows - i, CK_PANEL_EDGE), at_most(columns - column, CK_PANEL_EDGE), NULL,
                        y + (ptrdiff_t)i * y_row + (ptrdiff_t)column, y_row, adds || begin > 0);
                }
            }
        }
    }
}
