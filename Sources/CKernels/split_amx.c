//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "elementary.h"
#include "split_level.h"

#define CK_AMX __attribute__((target("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16"), min_vector_width(512)))
#define CK_AMX_INLINE CK_AMX static inline __attribute__((always_inline))

/// 32 floats as bfloat16s, in order: those that are nearest, and what they leave.
CK_AMX_INLINE void split(__m512 first, __m512 second, __m512i *high, __m512i *low) {
    __m512i rounded = (__m512i)_mm512_cvtne2ps_pbh(second, first);
    __m512 first_back = (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(rounded)), 16);
    __m512 second_back = (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(rounded, 1)), 16);
    *high = rounded;
    *low = (__m512i)_mm512_cvtne2ps_pbh(_mm512_sub_ps(second, second_back), _mm512_sub_ps(first, first_back));
}

/// The next 32 of a row of which `left` are left.
CK_AMX_INLINE void load_step(const float *x, size_t left, __m512 *first, __m512 *second) {
    if (left >= 32) {
        *first = _mm512_loadu_ps(x);
        *second = _mm512_loadu_ps(x + 16);
        return;
    }
    *first = _mm512_maskz_loadu_ps((__mmask16)(left >= 16 ? 0xFFFF : (1u << left) - 1), x);
    *second = left > 16 ? _mm512_maskz_loadu_ps((__mmask16)((1u << (left - 16)) - 1), x + 16) : _mm512_setzero_ps();
}

CK_AMX void ck_split_left_tile_amx(
    const float *x, ptrdiff_t x_row, size_t rows, size_t depth, size_t tiles, uint16_t *panel) {
    for (size_t i = 0; i < CK_TILE_EDGE; i++) {
        uint16_t *to = panel + i * CK_TILE_DEPTH;
        for (size_t p = 0; p < depth; p += CK_TILE_DEPTH) {
            __m512i high = _mm512_setzero_si512(), low = high;
            if (i < rows) {
                __m512 first, second;
                load_step(x + (ptrdiff_t)i * x_row + (ptrdiff_t)p, depth - p, &first, &second);
                split(first, second, &high, &low);
            }
            _mm512_store_si512(to, high);
            _mm512_store_si512(to + tiles * CK_TILE, low);
            to += 2 * tiles * CK_TILE;
        }
    }
}

/// to[j] gets element i of from[i][j]: a transposition of 16 by 16.
CK_AMX_INLINE void store_transposed(const __m512i from[16], uint16_t *to) {
    __m512i a[16], b[16];
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_epi32(from[i], from[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(from[i], from[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        a[i] = _mm512_shuffle_i32x4(b[i], b[i + 4], 0x88);
        a[i + 4] = _mm512_shuffle_i32x4(b[i], b[i + 4], 0xDD);
        a[i + 8] = _mm512_shuffle_i32x4(b[i + 8], b[i + 12], 0x88);
        a[i + 12] = _mm512_shuffle_i32x4(b[i + 8], b[i + 12], 0xDD);
    }
    for (int i = 0; i < 4; i++) {
        _mm512_store_si512(to + i * 32, _mm512_shuffle_i32x4(a[i], a[i + 8], 0x88));
        _mm512_store_si512(to + (i + 4) * 32, _mm512_shuffle_i32x4(a[i + 4], a[i + 12], 0x88));
        _mm512_store_si512(to + (i + 8) * 32, _mm512_shuffle_i32x4(a[i], a[i + 8], 0xDD));
        _mm512_store_si512(to + (i + 12) * 32, _mm512_shuffle_i32x4(a[i + 4], a[i + 12], 0xDD));
    }
}

CK_AMX void ck_split_right_tile_amx(
    const float *x, ptrdiff_t x_row, size_t rows, size_t depth, size_t tiles, uint16_t *panel) {
    for (size_t p = 0; p < depth; p += CK_TILE_DEPTH) {
        __m512i high[16], low[16];
        for (size_t i = 0; i < CK_TILE_EDGE; i++) {
            high[i] = low[i] = _mm512_setzero_si512();
            if (i < rows) {
                __m512 first, second;
                load_step(x + (ptrdiff_t)i * x_row + (ptrdiff_t)p, depth - p, &first, &second);
                split(first, second, &high[i], &low[i]);
            }
        }
        store_transposed(high, panel);
        store_transposed(low, panel + tiles * CK_TILE);
        panel += 2 * tiles * CK_TILE;
    }
}

/// 16 columns of two rows as pairs: those that are nearest, and what they leave.
CK_AMX_INLINE void split_pairs(__m512 even, __m512 odd, uint16_t *high, uint16_t *low) {
    __m512i even_high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(even));
    __m512i odd_high = _mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd)), 16);
    __m512 even_left = _mm512_sub_ps(even, (__m512)_mm512_slli_epi32(even_high, 16));
    __m512 odd_left = _mm512_sub_ps(odd, (__m512)odd_high);
    __m512i even_low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(even_left));
    __m512i odd_low = _mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd_left)), 16);
    _mm512_store_si512(high, _mm512_or_si512(even_high, odd_high));
    _mm512_store_si512(low, _mm512_or_si512(even_low, odd_low));
}

CK_AMX void ck_split_right_columns_amx(
    const float *x, ptrdiff_t x_row, size_t columns, size_t depth, uint16_t *panel) {
    size_t tiles = columns > CK_TILE_EDGE ? 2 : 1;
    __mmask16 masks[2];
    for (size_t t = 0; t < 2; t++) {
        size_t left = columns > t * CK_TILE_EDGE ? columns - t * CK_TILE_EDGE : 0;
        masks[t] = (__mmask16)(left >= 16 ? 0xFFFF : (1u << left) - 1);
    }
    for (size_t p = 0; p < depth; p += CK_TILE_DEPTH) {
        for (size_t k = 0; k < CK_TILE_EDGE; k++) {
            size_t row = p + 2 * k;
            const float *from = x + (ptrdiff_t)row * x_row;
            // Beyond the last row nothing is read.
            int has_even = row < depth, has_odd = row + 1 < depth;
            for (size_t t = 0; t < tiles; t++) {
                __m512 even = _mm512_maskz_loadu_ps(has_even ? masks[t] : 0, has_even ? from + t * CK_TILE_EDGE : x);
                __m512 odd =
                    _mm512_maskz_loadu_ps(has_odd ? masks[t] : 0, has_odd ? from + x_row + t * CK_TILE_EDGE : x);
                uint16_t *to = panel + t * CK_TILE + k * 32;
                split_pairs(even, odd, to, to + tiles * CK_TILE);
            }
        }
        panel += 2 * tiles * CK_TILE;
    }
}

struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} __attribute__((aligned(64)));

CK_AMX_INLINE void fetch(struct ck_split_ahead *ahead) {
    for (size_t line = 0; line < ahead->lines && ahead->rows > 0; line++) {
        _mm_prefetch(ahead->row + ahead->place, _MM_HINT_T1);
        ahead->place += 64;
        if (ahead->place >= ahead->extent) {
            ahead->place = 0;
            ahead->row += ahead->row_bytes;
            ahead->rows--;
        }
    }
}

// Tiles 0 to 3 are sums, 4 and 5 of the left factor, 6 and 7 of the right one.
#define CK_LEFT(base)                                                                                             \
    _tile_loadd(4, (base), 64);                                                                                   \
    if (left_tiles == 2) {                                                                                        \
        _tile_loadd(5, (base) + CK_TILE, 64);                                                                     \
    }
#define CK_RIGHT(base)                                                                                            \
    _tile_loadd(6, (base), 64);                                                                                   \
    if (right_tiles == 2) {                                                                                       \
        _tile_loadd(7, (base) + CK_TILE, 64);                                                                     \
    }
#define CK_TERM                                                                                                   \
    _tile_dpbf16ps(0, 4, 6);                                                                                      \
    if (right_tiles == 2) {                                                                                       \
        _tile_dpbf16ps(1, 4, 7);                                                                                  \
    }                                                                                                             \
    if (left_tiles == 2) {                                                                                        \
        _tile_dpbf16ps(2, 5, 6);                                                                                  \
        if (right_tiles == 2) {                                                                                   \
            _tile_dpbf16ps(3, 5, 7);                                                                              \
        }                                                                                                         \
    }

CK_AMX_INLINE void multiply(
    const uint16_t *left, size_t left_tiles, int left_parts, const uint16_t *right, size_t right_tiles, int right_parts,
    size_t steps, float *sums, struct ck_split_ahead *ahead) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t step = 0; step < steps; step++) {
        // In this order each tile is loaded once.
        CK_LEFT(left)
        if (right_parts == 2) {
            CK_RIGHT(right + right_tiles * CK_TILE)
            CK_TERM
        }
        CK_RIGHT(right)
        CK_TERM
        fetch(ahead);
        if (left_parts == 2) {
            CK_LEFT(left + left_tiles * CK_TILE)
            CK_TERM
        }
        left += (size_t)left_parts * left_tiles * CK_TILE;
        right += (size_t)right_parts * right_tiles * CK_TILE;
    }
    _tile_stored(0, sums, 128);
    _tile_stored(1, sums + 16, 128);
    _tile_stored(2, sums + 16 * 32, 128);
    _tile_stored(3, sums + 16 * 32 + 16, 128);
}

#define CK_CASE(l, lp, r, rp)                                                                                     \
    if (left.tiles == l && left.parts == lp && right.tiles == r && right.parts == rp) {                           \
        multiply(left.values, l, lp, right.values, r, rp, steps, sums, ahead);                                    \
    }
#define CK_CASES(l, r) CK_CASE(l, 2, r, 2) CK_CASE(l, 1, r, 2) CK_CASE(l, 2, r, 1)

CK_AMX void ck_split_multiply_amx(
    struct ck_split_panel left, struct ck_split_panel right, size_t steps, float *sums,
    struct ck_split_ahead *ahead) {
    static const struct tile_configuration whole = {
        .palette = 1,
        .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
        .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&whole);
    CK_CASES(2, 2)
    CK_CASES(2, 1)
    CK_CASES(1, 2)
    CK_CASES(1, 1)
    // A processor that switches to another thread need not save tiles that are given up.
    _tile_release();
}

#endif
