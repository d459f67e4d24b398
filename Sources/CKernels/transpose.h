//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_TRANSPOSE_H
#define C_KERNELS_TRANSPOSE_H

#include "elementary.h"

typedef float ck_eight __attribute__((vector_size(32), aligned(4), may_alias));

/// y[j][i] = r[i][j] for 8 rows of 8.
CK_INLINE void ck_store_transposed(const ck_eight r[8], float *y, ptrdiff_t y_row) {
    ck_eight t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        u[i] = __builtin_shufflevector(t[i], t[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        u[i + 1] = __builtin_shufflevector(t[i], t[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        u[i + 2] = __builtin_shufflevector(t[i + 1], t[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        u[i + 3] = __builtin_shufflevector(t[i + 1], t[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (int i = 0; i < 4; i++) {
        *(ck_eight *)(y + i * y_row) = __builtin_shufflevector(u[i], u[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(ck_eight *)(y + (i + 4) * y_row) = __builtin_shufflevector(u[i], u[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/// y[j][i] = x[i][j] for 8 rows of 8.
CK_INLINE void ck_transpose_eight(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
    ck_eight r[8];
    for (int i = 0; i < 8; i++) {
        r[i] = *(const ck_eight *)(x + i * x_row);
    }
    ck_store_transposed(r, y, y_row);
}

#endif
