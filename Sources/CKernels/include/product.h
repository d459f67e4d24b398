//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_PRODUCT_H
#define C_KERNELS_PRODUCT_H

#include <stddef.h>

// Matrix products whose bits depend on nothing but the operands. Every element is one chain of fused multiply-adds,
// depth by depth in order, from its start value on:
//
//     c[i][j] = start;  for p in 0..<depth:  c[i][j] = fma(a[i][p], b[p][j], c[i][j])
//
// Neither the number of rows, nor blocking, nor the vector width changes that chain, so a row has the same bits in
// whatever company it is computed, and on AVX2 and AVX-512 alike. (x86-64 without FMA rounds twice a step.)

/// c[i][j] = (adds ? c[i][j] : 0) + Σ_p a[i][p]·b[p][j], where a[i][p] lies at a[i * a_row + p * a_depth] and b[p][j]
/// at b[p * b_depth + j]. c lies row by row with `c_row` floats between, or, if `transposed`, column by column: c[i][j]
/// at c[j * c_row + i].
void ck_product(
    const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth, size_t depth, size_t rows,
    size_t columns, float *c, ptrdiff_t c_row, int transposed, int adds);

/// Most floats that `ck_product` copies of `b` at a time.
enum { CK_PRODUCT_ROOM = 2 * 768 * 48 };

/// Where the calling thread's products put those copies from now on, CK_PRODUCT_ROOM floats at a cache line: memory of
/// large pages is read faster than the stack, which they take if it is null.
void ck_use_product_room(float *room);

/// Floats that `ck_pack_rows` writes.
size_t ck_packed_count(size_t rows, size_t depth);

/// Lays x, [rows, depth], out for `ck_product_packed`: panels of neighbouring rows, each depth by depth.
void ck_pack_rows(const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *packed);

/// A summand of `ck_product_packed`: packed [rows, depth] and weights [columns, depth], `weight_row` floats apart.
struct ck_packed_term {
    const float *packed;
    const float *weights;
    ptrdiff_t weight_row;
    size_t depth;
};

/// y[i][j] = bias[j] + Σ_p x[i][p]·weights[j][p] of `first`, whose depth is not 0, and then of `second`, whose depth
/// may be. `bias` may be null.
void ck_product_packed(
    struct ck_packed_term first, struct ck_packed_term second, const float *bias, size_t rows, size_t columns, float *y,
    ptrdiff_t y_row);

/// Makes the calling thread's products use fewer instructions than the processor has, for tests that hold the levels
/// against each other; a level that it has not is not taken. What is packed is read at the level that packed it.
void ck_limit_product_level(int level);

/// The level of x86-64 that products are computed with: 4 with AVX-512, 3 with AVX2, else 1. It is the processor's, or
/// that of LORADROP_PRODUCT_LEVEL in the environment, if it is lower; elsewhere 1.
int ck_product_level(void);

#endif
