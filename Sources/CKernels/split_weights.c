//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// Weights as panels of tiles: laid out anew for each product, or kept, which costs up to the model's size for each
// direction in every process.

#include <string.h>

#include "elementary.h"
#include "split_level.h"

/// 16 rows of bfloat16s, `rows` of them there, as one tile of a left panel without low parts.
CK_KERNEL
static void copy_left_tile(
    const uint16_t *x, ptrdiff_t x_row, size_t rows, size_t depth, size_t tiles, uint16_t *panel) {
    for (size_t p = 0; p < depth; p += CK_TILE_DEPTH) {
        size_t extent = at_most(depth - p, CK_TILE_DEPTH);
        for (size_t i = 0; i < CK_TILE_EDGE; i++) {
            uint16_t *to = panel + i * CK_TILE_DEPTH;
            if (i < rows && extent == CK_TILE_DEPTH) {
                memcpy(to, x + (ptrdiff_t)i * x_row + (ptrdiff_t)p, CK_TILE_DEPTH * sizeof *to);
                continue;
            }
            memset(to, 0, CK_TILE_DEPTH * sizeof *to);
            if (i < rows) {
                memcpy(to, x + (ptrdiff_t)i * x_row + (ptrdiff_t)p, extent * sizeof *to);
            }
        }
        panel += tiles * CK_TILE;
    }
}

/// `columns` columns, at most 32, of bfloat16s whose rows are the depth, as a right panel without low parts.
CK_KERNEL
static void copy_right_columns(
    const uint16_t *x, ptrdiff_t x_row, size_t columns, size_t depth, uint16_t *panel) {
    size_t tiles = tiles_of(columns);
    for (size_t p = 0; p < depth; p += CK_TILE_DEPTH) {
        for (size_t k = 0; k < CK_TILE_EDGE; k++) {
            uint16_t pair[2][CK_PANEL_EDGE] = {{0}};
            for (size_t odd = 0; odd < 2; odd++) {
                size_t row = p + 2 * k + odd;
                if (row < depth && columns == CK_PANEL_EDGE) {
                    memcpy(pair[odd], x + (ptrdiff_t)row * x_row, sizeof pair[odd]);
                } else if (row < depth) {
                    memcpy(pair[odd], x + (ptrdiff_t)row * x_row, columns * sizeof *x);
                }
            }
            for (size_t t = 0; t < tiles; t++) {
                uint16_t *to = panel + t * CK_TILE + k * CK_TILE_DEPTH;
                for (size_t j = 0; j < CK_TILE_EDGE; j++) {
                    to[2 * j] = pair[0][t * CK_TILE_EDGE + j];
                    to[2 * j + 1] = pair[1][t * CK_TILE_EDGE + j];
                }
            }
        }
        panel += tiles * CK_TILE;
    }
}

/// Where the panel of kept weights is that begins at `first`, of `extent` of the depth from `begin` on: all panels of a
/// block of depth follow each other, then those of the next.
static size_t kept_place(size_t count, size_t first, size_t begin, size_t extent, int parts) {
    size_t tiles = (count + CK_TILE_EDGE - 1) / CK_TILE_EDGE;
    size_t before = tiles * steps_of(begin) + first / CK_TILE_EDGE * steps_of(extent);
    return before * CK_TILE * (size_t)parts;
}

size_t ck_split_kept_bytes(size_t rows, size_t columns, int are_bfloat16) {
    return kept_place(rows, 0, columns, 0, are_bfloat16 ? 1 : 2) * sizeof(uint16_t);
}

void ck_split_keep_left(struct ck_split_weights weights, size_t rows, size_t columns, void *kept) {
    weights.left = NULL;
    int parts = weights.are_bfloat16 ? 1 : 2;
    for (size_t begin = 0; begin < columns; begin += CK_SPLIT_DEPTH) {
        size_t extent = at_most(columns - begin, CK_SPLIT_DEPTH);
        for (size_t first = 0; first < rows; first += CK_PANEL_EDGE) {
            uint16_t *room = (uint16_t *)kept + kept_place(rows, first, begin, extent, parts);
            ck_split_left_panel(weights, first, rows, begin, extent, room);
        }
    }
}

void ck_split_keep_right(struct ck_split_weights weights, size_t rows, size_t columns, void *kept) {
    weights.right = NULL;
    int parts = weights.are_bfloat16 ? 1 : 2;
    for (size_t begin = 0; begin < rows; begin += CK_SPLIT_DEPTH) {
        size_t extent = at_most(rows - begin, CK_SPLIT_DEPTH);
        for (size_t first = 0; first < columns; first += CK_PANEL_EDGE) {
            struct ck_split_panel panel[2];
            uint16_t *room = (uint16_t *)kept + kept_place(columns, first, begin, extent, parts);
            // One panel at a time: the second's place depends on the depth.
            ck_split_right_panels(weights, first, at_most(columns, first + CK_PANEL_EDGE), begin, extent, room, panel);
        }
    }
}

struct ck_split_panel ck_split_left_panel(
    struct ck_split_weights weights, size_t first, size_t rows, size_t begin, size_t extent, uint16_t *room) {
    size_t tiles = tiles_of(rows - first);
    int parts = weights.are_bfloat16 ? 1 : 2;
    if (weights.left) {
        const uint16_t *kept = (const uint16_t *)weights.left + kept_place(rows, first, begin, extent, parts);
        return (struct ck_split_panel){.values = kept, .tiles = tiles, .parts = parts};
    }
    for (size_t t = 0; t < tiles; t++) {
        size_t row = first + t * CK_TILE_EDGE;
        size_t there = at_most(rows - row, CK_TILE_EDGE);
        ptrdiff_t place = (ptrdiff_t)row * weights.row + (ptrdiff_t)begin;
        if (weights.are_bfloat16) {
            copy_left_tile(
                (const uint16_t *)weights.values + place, weights.row, there, extent, tiles, room + t * CK_TILE);
        } else {
            CK_SPLIT_CALL(
                left_tile, (const float *)weights.values + place, weights.row, there, extent, tiles,
                room + t * CK_TILE)
        }
    }
    return (struct ck_split_panel){.values = room, .tiles = tiles, .parts = parts};
}

size_t ck_split_right_panels(
    struct ck_split_weights weights, size_t first, size_t columns, size_t begin, size_t extent, uint16_t *room,
    struct ck_split_panel panels[2]) {
    size_t count = columns - first > CK_PANEL_EDGE ? 2 : 1;
    int parts = weights.are_bfloat16 ? 1 : 2;
    for (size_t panel = 0; panel < count; panel++) {
        size_t column = first + panel * CK_PANEL_EDGE;
        const uint16_t *values =
            weights.right ? (const uint16_t *)weights.right + kept_place(columns, column, begin, extent, parts)
                          : room + panel * CK_PANEL_ROOM;
        panels[panel] = (struct ck_split_panel){.values = values, .tiles = tiles_of(columns - column), .parts = parts};
    }
    // A few rows at a time for both, so that what lies side by side is read together.
    for (size_t p = 0; p < extent && !weights.right; p += CK_TILE_DEPTH) {
        for (size_t panel = 0; panel < count; panel++) {
            size_t column = first + panel * CK_PANEL_EDGE;
            size_t there = at_most(columns - column, CK_PANEL_EDGE), depth = at_most(extent - p, CK_TILE_DEPTH);
            ptrdiff_t place = (ptrdiff_t)(begin + p) * weights.row + (ptrdiff_t)column;
            uint16_t *to = room + panel * CK_PANEL_ROOM + p / CK_TILE_DEPTH * (size_t)parts * tiles_of(there) * CK_TILE;
            if (weights.are_bfloat16) {
                copy_right_columns((const uint16_t *)weights.values + place, weights.row, there, depth, to);
            } else {
                CK_SPLIT_CALL(right_columns, (const float *)weights.values + place, weights.row, there, depth, to)
            }
        }
    }
    return count;
}

struct ck_split_ahead ck_split_ahead_of(
    struct ck_split_weights weights, size_t row, size_t rows, size_t column, size_t columns) {
    if (weights.left || weights.right) {
        // Kept panels are read as a stream, which the processor sees by itself.
        return (struct ck_split_ahead){0};
    }
    size_t size = weights.are_bfloat16 ? 2 : 4;
    ptrdiff_t place = (ptrdiff_t)row * weights.row + (ptrdiff_t)column;
    return (struct ck_split_ahead){
        .row = (const char *)weights.values + place * (ptrdiff_t)size, .row_bytes = weights.row * (ptrdiff_t)size,
        .extent = columns * size, .rows = columns > 0 ? rows : 0};
}
