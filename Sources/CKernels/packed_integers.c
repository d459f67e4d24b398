//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "packed_integers.h"

#include <string.h>

#include "clones.h"
#include "elementary.h"

// What is shifted at a time: eight elements in words of 32 bits, or four in words of 64 where those are too short.
typedef uint32_t narrow_row __attribute__((vector_size(32), aligned(8)));
typedef uint64_t wide_row __attribute__((vector_size(32), aligned(8)));
typedef narrow_row narrow_words __attribute__((aligned(1), may_alias));
typedef wide_row wide_words __attribute__((aligned(1), may_alias));
// Four elements as they lie in a vector.
typedef uint64_t ck_four __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t ck_signed_four __attribute__((vector_size(32), aligned(8), may_alias));

enum { FOUR = 4, WIDE_BITS = 64, NARROW_BITS = 32 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words lie in memory as they travel");

size_t ck_block_bytes(size_t count, size_t width) {
    size_t bits = width <= NARROW_BITS ? NARROW_BITS : WIDE_BITS, elements = CK_BLOCK / bits;
    size_t rows = (count + elements - 1) / elements;
    return (rows * width + bits - 1) / bits * sizeof(ck_four);
}

// Of eight elements the first four are the lower halves of 64 bits, the others the upper halves.
CK_INLINE void narrow_gather(const int64_t *integers, narrow_row *row) {
    ck_four lower = *(const ck_four *)integers, upper = *(const ck_four *)(integers + FOUR);
    *row = (narrow_row)((lower & UINT32_MAX) | upper << NARROW_BITS);
}

CK_INLINE void narrow_spread(const narrow_row *row, ck_four *parts) {
    // All bits where an element is below zero, in its place; then they go where its upper half belongs.
    ck_four signs = (ck_four)(narrow_row)(*row >> (NARROW_BITS - 1) != 0), elements = (ck_four)*row;
    parts[0] = (elements & UINT32_MAX) | signs << NARROW_BITS;
    parts[1] = elements >> NARROW_BITS | (signs & ~(uint64_t)UINT32_MAX);
}

CK_INLINE void wide_gather(const int64_t *integers, wide_row *row) {
    *row = *(const ck_four *)integers;
}

CK_INLINE void wide_spread(const wide_row *row, ck_four *parts) {
    parts[0] = *row;
}

#define CK_ROWS(name) narrow_##name
#define CK_WORD_BITS 32
#include "packed_rows_body.h"
#undef CK_ROWS
#undef CK_WORD_BITS

#define CK_ROWS(name) wide_##name
#define CK_WORD_BITS 64
#include "packed_rows_body.h"
#undef CK_ROWS
#undef CK_WORD_BITS

CK_INLINE size_t width_of(const int64_t *integers) {
    // The bits in which an element differs from its sign.
    ck_signed_four bits = {0};
    for (size_t i = 0; i < CK_BLOCK; i += FOUR) {
        ck_signed_four four = *(const ck_signed_four *)(integers + i);
        bits |= four ^ (four >> (WIDE_BITS - 1));
    }
    int64_t all = bits[0] | bits[1] | bits[2] | bits[3];
    return all == 0 ? 1 : WIDE_BITS + 1 - (size_t)__builtin_clzll((unsigned long long)all);
}

// Returns the width.
CK_INLINE size_t pack_block(const int64_t *integers, uint8_t *bytes) {
    size_t width = width_of(integers);
    bytes[0] = (uint8_t)width;
    if (width <= NARROW_BITS) {
        narrow_pack(integers, width, bytes + 1);
    } else {
        wide_pack(integers, width, bytes + 1);
    }
    return width;
}

CK_INLINE void unpack_block(const uint8_t *bytes, size_t width, int64_t *integers) {
    if (width <= NARROW_BITS) {
        narrow_unpack(bytes, width, integers);
    } else {
        wide_unpack(bytes, width, integers);
    }
}

CK_INLINE int add_block(const uint8_t *bytes, size_t width, const int64_t *addends, int64_t *sums) {
    return width <= NARROW_BITS ? narrow_add(bytes, width, addends, sums) : wide_add(bytes, width, addends, sums);
}

CK_KERNEL
size_t ck_pack_integers(const int64_t *integers, size_t count, uint8_t *bytes) {
    size_t size = 0, i = 0;
    for (; i + CK_BLOCK <= count; i += CK_BLOCK) {
        size += 1 + ck_block_bytes(CK_BLOCK, pack_block(integers + i, bytes + size));
    }
    if (i < count) {
        // A block of what is left and zeros, of whose words the first ones travel.
        int64_t whole[CK_BLOCK] = {0};
        uint8_t packed[1 + CK_BLOCK * sizeof(int64_t)];
        memcpy(whole, integers + i, (count - i) * sizeof(int64_t));
        size_t left = 1 + ck_block_bytes(count - i, pack_block(whole, packed));
        memcpy(bytes + size, packed, left);
        size += left;
    }
    return size;
}

CK_KERNEL
void ck_unpack_block(const uint8_t *bytes, size_t count, size_t width, int64_t *integers) {
    if (count == CK_BLOCK) {
        unpack_block(bytes, width, integers);
        return;
    }
    uint8_t packed[CK_BLOCK * sizeof(int64_t)] = {0};
    int64_t whole[CK_BLOCK];
    memcpy(packed, bytes, ck_block_bytes(count, width));
    unpack_block(packed, width, whole);
    memcpy(integers, whole, count * sizeof(int64_t));
}

CK_KERNEL
int ck_add_block(const uint8_t *bytes, size_t count, size_t width, const int64_t *addends, int64_t *sums) {
    if (count == CK_BLOCK) {
        return add_block(bytes, width, addends, sums);
    }
    uint8_t packed[CK_BLOCK * sizeof(int64_t)] = {0};
    int64_t whole[CK_BLOCK] = {0};
    memcpy(packed, bytes, ck_block_bytes(count, width));
    memcpy(whole, addends, count * sizeof(int64_t));
    // Zeros, and what a peer may have sent behind the last element, fit.
    int fits = add_block(packed, width, whole, whole);
    memcpy(sums, whole, count * sizeof(int64_t));
    return fits;
}
