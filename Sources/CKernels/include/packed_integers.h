//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_PACKED_INTEGERS_H
#define C_KERNELS_PACKED_INTEGERS_H

#include <stddef.h>
#include <stdint.h>

/// The bits in which any of the integers differs from its sign.
uint64_t ck_bits_beside_sign(const int64_t *integers, size_t count);

/// The low `width` bytes of each integer, 1 to 8, little-endian, one behind the other.
void ck_pack_integers(const int64_t *integers, size_t count, size_t width, uint8_t *bytes);

/// Integers of `width` bytes, 1 to 8, as ck_pack_integers writes them, their signs extended.
void ck_unpack_integers(const uint8_t *bytes, size_t count, size_t width, int64_t *integers);

/// sums[i] = left[i] + right[i], wrapping; `right` may be `sums`.
/// Returns whether every sum fits.
int ck_add_integers(const int64_t *left, const int64_t *right, size_t count, int64_t *sums);

#endif
