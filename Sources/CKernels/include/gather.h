//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_GATHER_H
#define C_KERNELS_GATHER_H

#include <stddef.h>
#include <stdint.h>

/// y[i] = table[ids[i]]: the caller has checked the ids.
void ck_gather_rows(
    const float *table, size_t table_stride, const int32_t *ids, float *y, size_t y_stride, size_t rows,
    size_t columns, int adds);

#endif
