//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "sum_of_squares.h"

#include "elementary.h"

CK_KERNEL
double ck_sum_of_squares(const float *x, size_t count) {
    typedef double lanes __attribute__((vector_size(64)));
    lanes sums = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        lanes wide;
        for (int lane = 0; lane < 8; lane++) {
            wide[lane] = (double)x[i + lane];
        }
        sums += wide * wide;
    }
    double rest = 0;
    for (; i < count; i++) {
        rest += (double)x[i] * (double)x[i];
    }
    return (((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))) + rest;
}
