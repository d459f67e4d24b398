//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "gather.h"

#include "elementary.h"

CK_KERNEL
void ck_gather_rows(
    const float *table, size_t table_stride, const int32_t *ids, float *y, size_t y_stride, size_t rows,
    size_t columns, int adds) {
    for (size_t row = 0; row < rows; row++) {
        const float *restrict in = table + (size_t)ids[row] * table_stride;
        float *restrict out = y + row * y_stride;
        if (adds) {
            for (size_t j = 0; j < columns; j++) {
                out[j] += in[j];
            }
        } else {
            memcpy(out, in, columns * sizeof *out);
        }
    }
}
