//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_FIXED_POINT_H
#define C_KERNELS_FIXED_POINT_H

#include <stddef.h>
#include <stdint.h>

/// Adds round(values[i] * scale) to sums[i]. A value that is not finite, or whose product's magnitude is not below
/// `limit`, is not added.
/// Returns the first index that was refused, or `count` if all were added.
size_t ck_accumulate_fixed_point(const float *values, size_t count, double scale, double limit, int64_t *sums);

/// values[i] = (float)(sums[i] * scale), one rounding from the exact product.
void ck_fixed_point_to_float(const int64_t *sums, size_t count, double scale, float *values);

#endif
