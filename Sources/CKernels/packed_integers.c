//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "packed_integers.h"

#include <string.h>

#include "clones.h"
#include "elementary.h"

typedef uint8_t ck_sixteen __attribute__((vector_size(16), aligned(1), may_alias));
typedef int64_t ck_pair __attribute__((vector_size(16), aligned(8), may_alias));

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers lie in memory as they travel");

CK_KERNEL
uint64_t ck_bits_beside_sign(const int64_t *integers, size_t count) {
    int64_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        bits |= integers[i] ^ (integers[i] >> 63);
    }
    return (uint64_t)bits;
}

CK_INLINE int add(const int64_t *left, const int64_t *right, size_t count, int64_t *sums) {
    // Overflows are gathered, not branched on: the sign bit is set where both addends have one sign, the sum the other.
    int64_t overflows = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t one = left[i], other = right[i];
        int64_t both = (int64_t)((uint64_t)one + (uint64_t)other);
        overflows |= (one ^ both) & (other ^ both);
        sums[i] = both;
    }
    return overflows >= 0;
}

CK_KERNEL
int ck_add_integers(const int64_t *left, const int64_t *right, size_t count, int64_t *sums) {
    // Of two pointers that are one the compiler must know, or it finds them to overlap and adds one by one.
    return right == sums ? add(left, sums, count, sums) : add(left, right, count, sums);
}

// Two integers at a time, for each width below the whole one. What a store writes beyond their bytes the next one
// overwrites; the last integers, behind which a store or a load would go too far, are left to the loop behind.

#define CK_EACH_WIDTH(body) body(1) body(2) body(3) body(4) body(5) body(6) body(7)

#define CK_EACH_PLACE(source, width)                                                                              \
    source(width, 0), source(width, 1), source(width, 2), source(width, 3), source(width, 4), source(width, 5),    \
        source(width, 6), source(width, 7), source(width, 8), source(width, 9), source(width, 10),                 \
        source(width, 11), source(width, 12), source(width, 13), source(width, 14), source(width, 15)

#define CK_PACKED_FROM(width, place)                                                                              \
    ((place) < (width) ? (place) : (place) < 2 * (width) ? 8 + (place) - (width) : -1)

#define CK_PACK_PAIRS(width)                                                                                      \
    case width:                                                                                                   \
        for (; i * width + 16 <= count * width; i += 2) {                                                         \
            ck_sixteen pair = *(const ck_sixteen *)(integers + i);                                                \
            *(ck_sixteen *)(bytes + i * width) =                                                                  \
                __builtin_shufflevector(pair, pair, CK_EACH_PLACE(CK_PACKED_FROM, width));                        \
        }                                                                                                         \
        break;

CK_KERNEL
void ck_pack_integers(const int64_t *integers, size_t count, size_t width, uint8_t *bytes) {
    size_t i = 0;
    switch (width) { CK_EACH_WIDTH(CK_PACK_PAIRS) }
    for (; i < count; i++) {
        memcpy(bytes + i * width, integers + i, width);
    }
}

// Sixteen is the first byte of the zeros.
#define CK_UNPACKED_FROM(width, place)                                                                            \
    ((place) % 8 < (width) ? (place) / 8 * (width) + (place) % 8 : 16)

#define CK_UNPACK_PAIRS(width)                                                                                    \
    case width:                                                                                                   \
        for (; i * width + 16 <= count * width; i += 2) {                                                         \
            ck_sixteen pair = *(const ck_sixteen *)(bytes + i * width);                                           \
            ck_pair whole = (ck_pair)__builtin_shufflevector(                                                     \
                pair, (ck_sixteen){0}, CK_EACH_PLACE(CK_UNPACKED_FROM, width));                                   \
            ck_pair sign = (ck_pair){0} + ((int64_t)1 << (8 * width - 1));                                        \
            *(ck_pair *)(integers + i) = (whole ^ sign) - sign;                                                   \
        }                                                                                                         \
        break;

CK_KERNEL
void ck_unpack_integers(const uint8_t *bytes, size_t count, size_t width, int64_t *integers) {
    size_t i = 0;
    switch (width) { CK_EACH_WIDTH(CK_UNPACK_PAIRS) }
    size_t empty = 64 - 8 * width;
    for (; i < count; i++) {
        uint64_t whole = 0;
        memcpy(&whole, bytes + i * width, width);
        integers[i] = (int64_t)(whole << empty) >> empty;
    }
}
