//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "packed_integers.h"

#include <string.h>

#include "clones.h"
#include "elementary.h"

// A row: four elements, one of each sequence of words.
typedef uint64_t ck_row __attribute__((vector_size(32), aligned(8)));
typedef ck_row ck_row_of_bytes __attribute__((aligned(1), may_alias));
typedef int64_t ck_signed_row __attribute__((vector_size(32), aligned(8)));

enum { ROW = 4, WORD = 64, ROWS = CK_BLOCK / ROW };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words lie in memory as they travel");
_Static_assert(CK_BLOCK % ROW == 0, "blocks are whole rows");

size_t ck_block_bytes(size_t count, size_t width) {
    size_t rows = (count + ROW - 1) / ROW;
    return (rows * width + WORD - 1) / WORD * sizeof(ck_row);
}

// The functions below are of whole blocks. How far to shift is kept in rows too, the same for all four elements: a
// count in another register, or a branch on whether a word is full, costs more than the shifting.

CK_INLINE size_t width_of(const int64_t *integers) {
    // The bits in which an element differs from its sign.
    ck_signed_row bits = {0};
    for (size_t i = 0; i < CK_BLOCK; i += ROW) {
        ck_signed_row row = *(const ck_signed_row *)(integers + i);
        bits |= row ^ (row >> (WORD - 1));
    }
    int64_t all = bits[0] | bits[1] | bits[2] | bits[3];
    return all == 0 ? 1 : WORD + 1 - (size_t)__builtin_clzll((unsigned long long)all);
}

CK_INLINE void pack_rows(const int64_t *integers, size_t width, uint8_t *bytes) {
    ck_row mask = (ck_row){0} + (UINT64_MAX >> (WORD - width)), word = {0}, offset = {0};
    for (size_t i = 0; i < ROWS; i++) {
        ck_row row = *(const ck_row *)(integers + i * ROW) & mask;
        word |= row << offset;
        // Stored whether it is full or not: if not, the next store is to the same place.
        *(ck_row_of_bytes *)(bytes + i * width / WORD * sizeof(ck_row)) = word;
        // What of the row did not fit, in two steps, as a shift by all bits is not defined.
        ck_row rest = row >> 1 >> (WORD - 1 - offset);
        ck_row isFull = (ck_row)(offset + width >= WORD);
        word = (rest & isFull) | (word & ~isFull);
        offset = (offset + width) % WORD;
    }
}

// Rows come back through a pointer: how a function returns one depends on the level of instructions.
CK_INLINE void read_row(const uint8_t *bytes, size_t place, size_t width, const ck_row *offset, ck_row *elements) {
    const ck_row_of_bytes *words = (const ck_row_of_bytes *)bytes;
    size_t word = place * width / WORD;
    // Of a word behind the last one no bit is used, so any other will do.
    size_t next = word + 1 < width ? word + 1 : word;
    ck_row row = words[word] >> *offset | words[next] << 1 << (WORD - 1 - *offset);
    uint64_t sign = (uint64_t)1 << (width - 1);
    *elements = ((row & (UINT64_MAX >> (WORD - width))) ^ sign) - sign;
}

CK_INLINE void unpack_rows(const uint8_t *bytes, size_t width, int64_t *integers) {
    ck_row offset = {0};
    for (size_t i = 0; i < ROWS; i++) {
        ck_row row;
        read_row(bytes, i, width, &offset, &row);
        *(ck_row *)(integers + i * ROW) = row;
        offset = (offset + width) % WORD;
    }
}

CK_INLINE int add_rows(const uint8_t *bytes, size_t width, const int64_t *addends, int64_t *sums) {
    // Overflows are gathered, not branched on: the sign bit is set where both addends have one sign, the sum the other.
    ck_row overflows = {0}, offset = {0};
    for (size_t i = 0; i < ROWS; i++) {
        ck_row one, other = *(const ck_row *)(addends + i * ROW);
        read_row(bytes, i, width, &offset, &one);
        ck_row both = one + other;
        overflows |= (one ^ both) & (other ^ both);
        *(ck_row *)(sums + i * ROW) = both;
        offset = (offset + width) % WORD;
    }
    return (overflows[0] | overflows[1] | overflows[2] | overflows[3]) >> (WORD - 1) == 0;
}

CK_INLINE size_t pack_block(const int64_t *integers, uint8_t *bytes) {
    size_t width = width_of(integers);
    bytes[0] = (uint8_t)width;
    pack_rows(integers, width, bytes + 1);
    return width;
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
        unpack_rows(bytes, width, integers);
        return;
    }
    uint8_t packed[CK_BLOCK * sizeof(int64_t)] = {0};
    int64_t whole[CK_BLOCK];
    memcpy(packed, bytes, ck_block_bytes(count, width));
    unpack_rows(packed, width, whole);
    memcpy(integers, whole, count * sizeof(int64_t));
}

CK_KERNEL
int ck_add_block(const uint8_t *bytes, size_t count, size_t width, const int64_t *addends, int64_t *sums) {
    if (count == CK_BLOCK) {
        return add_rows(bytes, width, addends, sums);
    }
    uint8_t packed[CK_BLOCK * sizeof(int64_t)] = {0};
    int64_t whole[CK_BLOCK] = {0};
    memcpy(packed, bytes, ck_block_bytes(count, width));
    memcpy(whole, addends, count * sizeof(int64_t));
    // Zeros, and what a peer may have sent behind the last element, fit.
    int fits = add_rows(packed, width, whole, whole);
    memcpy(sums, whole, count * sizeof(int64_t));
    return fits;
}
