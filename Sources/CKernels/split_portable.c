//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include <string.h>

#include "elementary.h"
#include "split_level.h"

// What a matrix unit does, step by step, with the instructions that every processor has.

/// The bfloat16 nearest to a float, ties to even; denormal numbers count as zero, as in the processor's own conversion.
CK_INLINE uint16_t nearest(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1)) >> 16;
    // Rounding a NaN up could make a number of it.
    uint32_t quiet = (bits >> 16) | 0x40u;
    uint32_t zero = (bits >> 16) & 0x8000u;
    return (uint16_t)(magnitude > 0x7F800000u ? quiet : magnitude < 0x00800000u ? zero : rounded);
}

CK_INLINE float widened(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

CK_INLINE void split(float value, uint16_t *high, uint16_t *low) {
    *high = nearest(value);
    *low = nearest(value - widened(*high));
}

CK_KERNEL
void ck_split_left_tile_portable(
    const float *x, ptrdiff_t x_row, size_t rows, size_t depth, size_t tiles, uint16_t *panel) {
    for (size_t p = 0; p < depth; p += CK_TILE_DEPTH) {
        size_t extent = depth - p < CK_TILE_DEPTH ? depth - p : CK_TILE_DEPTH;
        for (size_t i = 0; i < CK_TILE_EDGE; i++) {
            uint16_t *high = panel + i * CK_TILE_DEPTH, *low = high + tiles * CK_TILE;
            for (size_t k = 0; k < CK_TILE_DEPTH; k++) {
                high[k] = low[k] = 0;
            }
            for (size_t k = 0; i < rows && k < extent; k++) {
                split(x[(ptrdiff_t)i * x_row + (ptrdiff_t)(p + k)], &high[k], &low[k]);
            }
        }
        panel += 2 * tiles * CK_TILE;
    }
}

CK_KERNEL
void ck_split_right_tile_portable(
    const float *x, ptrdiff_t x_row, size_t rows, size_t depth, size_t tiles, uint16_t *panel) {
    for (size_t p = 0; p < depth; p += CK_TILE_DEPTH) {
        for (size_t k = 0; k < CK_TILE_DEPTH; k++) {
            uint16_t *high = panel + k / 2 * CK_TILE_DEPTH + k % 2, *low = high + tiles * CK_TILE;
            for (size_t i = 0; i < CK_TILE_EDGE; i++) {
                high[2 * i] = low[2 * i] = 0;
                if (i < rows && p + k < depth) {
                    split(x[(ptrdiff_t)i * x_row + (ptrdiff_t)(p + k)], &high[2 * i], &low[2 * i]);
                }
            }
        }
        panel += 2 * tiles * CK_TILE;
    }
}

CK_KERNEL
void ck_split_right_columns_portable(
    const float *x, ptrdiff_t x_row, size_t columns, size_t depth, uint16_t *panel) {
    size_t tiles = columns > CK_TILE_EDGE ? 2 : 1;
    for (size_t p = 0; p < depth; p += CK_TILE_DEPTH) {
        for (size_t k = 0; k < CK_TILE_DEPTH; k++) {
            for (size_t j = 0; j < tiles * CK_TILE_EDGE; j++) {
                uint16_t *high =
                    panel + j / CK_TILE_EDGE * CK_TILE + k / 2 * CK_TILE_DEPTH + k % 2 + j % CK_TILE_EDGE * 2;
                uint16_t *low = high + tiles * CK_TILE;
                *high = *low = 0;
                if (j < columns && p + k < depth) {
                    split(x[(ptrdiff_t)(p + k) * x_row + (ptrdiff_t)j], high, low);
                }
            }
        }
        panel += 2 * tiles * CK_TILE;
    }
}

typedef float ck_sixteen __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t ck_sixteen_bits __attribute__((vector_size(64), aligned(4), may_alias));

CK_KERNEL
void ck_split_multiply_portable(
    struct ck_split_panel left, struct ck_split_panel right, size_t steps, float *sums,
    struct ck_split_ahead *ahead) {
    (void)ahead;
    memset(sums, 0, CK_PANEL_EDGE * CK_PANEL_EDGE * sizeof(float));
    for (size_t step = 0; step < steps; step++) {
        for (int term = 0; term < 3; term++) {
            int left_part = term == 2, right_part = term == 0;
            if (left_part >= left.parts || right_part >= right.parts) {
                continue;
            }
            for (size_t r = 0; r < right.tiles; r++) {
                const uint16_t *b =
                    right.values + ((step * (size_t)right.parts + (size_t)right_part) * right.tiles + r) * CK_TILE;
                ck_sixteen right_even[CK_TILE_EDGE], right_odd[CK_TILE_EDGE];
                for (int k = 0; k < CK_TILE_EDGE; k++) {
                    ck_sixteen_bits pairs;
                    memcpy(&pairs, b + k * 32, sizeof pairs);
                    ck_sixteen_bits shifted = pairs << 16, kept = pairs & 0xFFFF0000u;
                    memcpy(&right_even[k], &shifted, sizeof shifted);
                    memcpy(&right_odd[k], &kept, sizeof kept);
                }
                for (size_t i = 0; i < left.tiles * CK_TILE_EDGE; i++) {
                    const uint16_t *a =
                        left.values
                        + ((step * (size_t)left.parts + (size_t)left_part) * left.tiles + i / CK_TILE_EDGE) * CK_TILE
                        + i % CK_TILE_EDGE * CK_TILE_DEPTH;
                    ck_sixteen even = {0}, odd = {0};
                    for (int k = 0; k < CK_TILE_EDGE; k++) {
                        even = __builtin_elementwise_fma(widened(a[2 * k]) - (ck_sixteen){0}, right_even[k], even);
                        odd = __builtin_elementwise_fma(widened(a[2 * k + 1]) - (ck_sixteen){0}, right_odd[k], odd);
                    }
                    ck_sixteen *to = (ck_sixteen *)(sums + i * CK_PANEL_EDGE + r * CK_TILE_EDGE);
                    *to = *to + (even + odd);
                }
            }
        }
    }
}
