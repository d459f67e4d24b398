//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_HALF_H
#define C_KERNELS_HALF_H

#include <stddef.h>
#include <stdint.h>

// Elements are read byte-wise from `source`, which may start at any address: a file's tensors are not aligned.

/// values[i] = IEEE 754 binary16 element i, exactly; independent of the thread's FTZ and DAZ flags.
void ck_widen_f16(const void *source, size_t count, float *values);

/// values[i] = bfloat16 element i, exactly.
void ck_widen_bf16(const void *source, size_t count, float *values);

/// The index of the first 32-bit element whose exponent is all ones (an infinity or NaN), or `count`.
size_t ck_first_non_finite_f32(const void *source, size_t count);

/// The same for 16-bit elements; `exponent_mask` is 0x7C00 for binary16, 0x7F80 for bfloat16.
size_t ck_first_non_finite_16(const void *source, size_t count, uint16_t exponent_mask);

#endif
