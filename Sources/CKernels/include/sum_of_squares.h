//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_SUM_OF_SQUARES_H
#define C_KERNELS_SUM_OF_SQUARES_H

#include <stddef.h>

/// Σ x² in 64-bit floats, over eight fixed lanes.
double ck_sum_of_squares(const float *x, size_t count);

#endif
