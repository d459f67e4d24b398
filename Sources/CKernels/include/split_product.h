//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_SPLIT_PRODUCT_H
#define C_KERNELS_SPLIT_PRODUCT_H

#include <stddef.h>

// Matrix products of floats that are split into two bfloat16s each: x = high + low + what 16 bits of mantissa do not
// hold. high is x rounded to bfloat16, low is x - high rounded to bfloat16; x·w becomes high·low + high·high +
// low·high. This is for processors whose matrix unit multiplies bfloat16s (AMX) several times as fast as others do
// floats.
//
// The bits of an element depend on its row and its column alone. Depth is cut into blocks of CK_SPLIT_DEPTH, filled up
// with zeros to a multiple of 32. For each block a sum s begins at 0, and for each 32 of its depth come three terms in
// order: left high by right low, left high by right high, left low by right high, left being the factor whose rows are
// the result's rows (dy, in y = x·Wᵀ: W). A term is what TDPBF16PS computes (Intel, Instruction Set Extensions
// Programming Reference):
//
//     even = odd = 0;  for k in 0..<16:  even = fma(l[2k], r[2k], even),  odd = fma(l[2k + 1], r[2k + 1], odd)
//     s = s + (even + odd)
//
// in which denormal numbers count as zero. Then s is added to the element. Where weights are bfloat16s in their file
// the term with their low part, which is zero, is left out.

/// Depth after which a sum is added to the result.
#define CK_SPLIT_DEPTH 1024

/// Weights as they lie in a file, [rows, columns], `row` elements from one row to the next.
struct ck_split_weights {
    const void *values;
    ptrdiff_t row;
    /// Whether they are bfloat16s; else floats.
    int are_bfloat16;
    /// What `ck_split_keep_left` and `ck_split_keep_right` wrote; null: they are laid out anew in each product.
    const void *left, *right;
};

/// Bytes that `ck_split_keep_left` writes, [rows, columns] being the weights' extent, and with rows and columns in turn
/// those of `ck_split_keep_right`.
size_t ck_split_kept_bytes(size_t rows, size_t columns, int are_bfloat16);

/// Lays weights out once and for all, for `ck_split_product_transposed`.
void ck_split_keep_left(struct ck_split_weights weights, size_t rows, size_t columns, void *kept);

/// The same for `ck_split_product`.
void ck_split_keep_right(struct ck_split_weights weights, size_t rows, size_t columns, void *kept);

/// Floats that a laid-out matrix needs.
size_t ck_split_count(size_t rows, size_t depth);

/// Lays x, [rows, depth], out for `ck_split_product_transposed`.
void ck_split_right(const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *laid_out);

/// Lays x, [rows, depth], out for `ck_split_product`.
void ck_split_left(const float *x, ptrdiff_t x_row, size_t rows, size_t depth, float *laid_out);

/// y[i][j] = (adds ? y[i][j] : bias[j]) + Σ_p x[i][p]·weights[j][p], with x, [rows, depth], laid out by
/// `ck_split_right`. `bias` may be null, for zeros.
void ck_split_product_transposed(
    const float *x, struct ck_split_weights weights, const float *bias, size_t depth, size_t rows, size_t columns,
    float *y, ptrdiff_t y_row, int adds);

/// y[i][j] = (adds ? y[i][j] : 0) + Σ_p x[i][p]·weights[p][j], with x, [rows, depth], laid out by `ck_split_left`.
void ck_split_product(
    const float *x, struct ck_split_weights weights, size_t depth, size_t rows, size_t columns, float *y,
    ptrdiff_t y_row, int adds);

/// Whether the processor's matrix unit computes them: it has one, the system lets this process use it, and
/// LORADROP_MATRIX_UNIT in the environment is not 0. Else other instructions do the same steps, slower than products of
/// floats.
int ck_has_matrix_unit(void);

/// Makes the calling thread's products leave the matrix unit alone, for tests that hold both against each other.
void ck_leave_matrix_unit(int leave);

#endif
