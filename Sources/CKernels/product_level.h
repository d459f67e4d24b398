//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_PRODUCT_LEVEL_H
#define C_KERNELS_PRODUCT_LEVEL_H

#include "product.h"
#include "product_heads.h"

// The products for one level of instructions; see product.h.

/// Depth from which on a panel that many rows read is worth a copy.
#define CK_DEEP 256

/// Whether rows that lie this far apart fall into the same few cache sets.
static inline int ck_collides(ptrdiff_t stride) {
    return stride != 0 && stride % 1024 == 0;
}

#define CK_PRODUCT_LEVEL(suffix)                                                                                  \
    void ck_product_##suffix(                                                                                     \
        const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b, ptrdiff_t b_depth, size_t depth,      \
        size_t rows, size_t columns, float *c, ptrdiff_t c_row, int transposed, int adds, float *room);           \
    size_t ck_packed_count_##suffix(size_t rows, size_t depth);                                                   \
    void ck_pack_rows_##suffix(                                                                                   \
        const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *packed);                               \
    void ck_product_packed_##suffix(                                                                              \
        struct ck_packed_term first, struct ck_packed_term second, const float *bias, size_t rows,                \
        size_t columns, float *y, ptrdiff_t y_row);                                                               \
    void ck_product_heads_##suffix(                                                                               \
        struct ck_heads heads, const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, const float *b,                \
        ptrdiff_t b_depth, size_t depth, size_t rows, size_t columns, float *c, ptrdiff_t c_row);                 \
    void ck_product_heads_by_rows_##suffix(                                                                       \
        struct ck_heads heads, const float *a, ptrdiff_t a_row, const float *b, ptrdiff_t b_row, size_t depth,    \
        size_t rows, size_t columns, float *packed, float *c, ptrdiff_t c_row);

CK_PRODUCT_LEVEL(base)
#if defined(__x86_64__)
CK_PRODUCT_LEVEL(v3)
CK_PRODUCT_LEVEL(v4)
/// A function's kernel at the level that products are computed with.
#define CK_AT_LEVEL(function)                                                                                     \
    (ck_product_level() >= 4   ? function##_v4                                                                    \
     : ck_product_level() == 3 ? function##_v3                                                                    \
                               : function##_base)
#else
#define CK_AT_LEVEL(function) function##_base
#endif

#endif
