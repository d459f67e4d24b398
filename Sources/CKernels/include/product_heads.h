//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_PRODUCT_HEADS_H
#define C_KERNELS_PRODUCT_HEADS_H

#include <stddef.h>

// The products of attention, all heads in one call: short sentences make them so small that a call a head costs as much
// as the product. Their sums are the chains of product.h.

/// The heads, and how many floats an operand's next head lies behind the one before.
struct ck_heads {
    size_t count;
    ptrdiff_t a, b, c;
};

/// `ck_product` for each head.
void ck_product_heads(
    struct ck_heads heads, const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth,
    size_t depth, size_t rows, size_t columns, float *c, ptrdiff_t c_row, int transposed);

/// c[i][j] = Σ_p a[i][p]·b[j][p] for each head: a product by the rows of b, [columns, depth], which it packs, a panel at
/// a time, into `packed`: ck_packed_count(columns, depth) floats are more than enough. Rows of c have room for
/// ck_packed_count(columns, 1) floats, `columns` in whole eights; what lies behind their columns is overwritten.
void ck_product_heads_by_rows(
    struct ck_heads heads, const float *a, ptrdiff_t a_row, const float *b, ptrdiff_t b_row, size_t depth, size_t rows,
    size_t columns, float *packed, float *c, ptrdiff_t c_row);

#endif
