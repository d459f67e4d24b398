//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "product_heads.h"

#include "product.h"
#include "product_level.h"

void ck_product_heads(
    struct ck_heads heads, const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth,
    size_t depth, size_t rows, size_t columns, float *c, ptrdiff_t c_row, int transposed) {
    // Vectors run along whole eights of columns, and nothing is worth a copy.
    if (!transposed && columns % 8 == 0 && depth < CK_DEEP && !ck_collides(b_depth)) {
        CK_AT_LEVEL(ck_product_heads)(heads, a, a_row, a_depth, b, b_depth, depth, rows, columns, c, c_row);
        return;
    }
    for (size_t head = 0; head < heads.count; head++) {
        ck_product(a, a_row, a_depth, b, b_depth, depth, rows, columns, c, c_row, transposed, 0);
        a += heads.a;
        b += heads.b;
        c += heads.c;
    }
}

void ck_product_heads_by_rows(
    struct ck_heads heads, const float *a, ptrdiff_t a_row, const float *b, ptrdiff_t b_row, size_t depth, size_t rows,
    size_t columns, float *packed, float *c, ptrdiff_t c_row) {
    CK_AT_LEVEL(ck_product_heads_by_rows)(heads, a, a_row, b, b_row, depth, rows, columns, packed, c, c_row);
}
