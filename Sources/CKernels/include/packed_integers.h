//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#ifndef C_KERNELS_PACKED_INTEGERS_H
#define C_KERNELS_PACKED_INTEGERS_H

#include <stddef.h>
#include <stdint.h>

// Integers in blocks of CK_BLOCK, the last one of what is left; the format is that of Sources/Wire/PackedIntegers.swift,
// which also checks what comes in.

enum { CK_BLOCK = 256 };

/// The bytes behind a block's width, for 1 to CK_BLOCK elements.
size_t ck_block_bytes(size_t count, size_t width);

/// Writes all blocks of `count` integers, each in as few bits as hold its elements with their signs.
/// Returns how many bytes that are, at most ck_block_bytes(…, 64) + 1 a block.
size_t ck_pack_integers(const int64_t *integers, size_t count, uint8_t *bytes);

/// The elements of one block, from the bytes behind its width.
void ck_unpack_block(const uint8_t *bytes, size_t count, size_t width, int64_t *integers);

/// sums[i] = addends[i] + the block's element i, wrapping; `addends` may be `sums`.
/// Returns whether every sum fits.
int ck_add_block(const uint8_t *bytes, size_t count, size_t width, const int64_t *addends, int64_t *sums);

#endif
