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

#define CK_ALL_SIXTEEN(source)                                                                                    \
    source(0), source(1), source(2), source(3), source(4), source(5), source(6), source(7), source(8), source(9), \
        source(10), source(11), source(12), source(13), source(14), source(15)

// Two integers at a time. What a store writes beyond their bytes is overwritten by the next one, so the last integers
// are left to the loop behind it; as those that a load would read too much for.

#define CK_PACKED_FROM(width, place)                                                                              \
    ((place) < (width) ? (place) : (place) < 2 * (width) ? 8 + (place) - (width) : -1)

#define CK_PACK_PAIRS(width)                                                                                      \
    case width:                                                                                                   \
        for (; (i + 2) * width + (16 - 2 * width) <= count * width; i += 2) {                                     \
            ck_sixteen pair = *(const ck_sixteen *)(integers + i);                                                \
            *(ck_sixteen *)(bytes + i * width) =                                                                  \
                __builtin_shufflevector(pair, pair, CK_ALL_SIXTEEN(CK_PACKED_FROM_##width));                      \
        }                                                                                                         \
        break;

#define CK_UNPACKED_FROM(width, place)                                                                            \
    ((place) % 8 < (width) ? (place) / 8 * (width) + (place) % 8 : 16)

#define CK_UNPACK_PAIRS(width)                                                                                    \
    case width:                                                                                                   \
        for (; (i + 2) * width + (16 - 2 * width) <= count * width; i += 2) {                                     \
            ck_sixteen pair = *(const ck_sixteen *)(bytes + i * width);                                           \
            ck_pair whole =                                                                                       \
                (ck_pair)__builtin_shufflevector(pair, (ck_sixteen){0}, CK_ALL_SIXTEEN(CK_UNPACKED_FROM_##width)); \
            ck_pair sign = (ck_pair){0} + ((int64_t)1 << (8 * width - 1));                                        \
            *(ck_pair *)(integers + i) = (whole ^ sign) - sign;                                                   \
        }                                                                                                         \
        break;

#define CK_PACKED_FROM_1(place) CK_PACKED_FROM(1, place)
#define CK_PACKED_FROM_2(place) CK_PACKED_FROM(2, place)
#define CK_PACKED_FROM_3(place) CK_PACKED_FROM(3, place)
#define CK_PACKED_FROM_4(place) CK_PACKED_FROM(4, place)
#define CK_PACKED_FROM_5(place) CK_PACKED_FROM(5, place)
#define CK_PACKED_FROM_6(place) CK_PACKED_FROM(6, place)
#define CK_PACKED_FROM_7(place) CK_PACKED_FROM(7, place)
#define CK_UNPACKED_FROM_1(place) CK_UNPACKED_FROM(1, place)
#define CK_UNPACKED_FROM_2(place) CK_UNPACKED_FROM(2, place)
#define CK_UNPACKED_FROM_3(place) CK_UNPACKED_FROM(3, place)
#define CK_UNPACKED_FROM_4(place) CK_UNPACKED_FROM(4, place)
#define CK_UNPACKED_FROM_5(place) CK_UNPACKED_FROM(5, place)
#define CK_UNPACKED_FROM_6(place) CK_UNPACKED_FROM(6, place)
#define CK_UNPACKED_FROM_7(place) CK_UNPACKED_FROM(7, place)

CK_KERNEL
void ck_pack_integers(const int64_t *integers, size_t count, size_t width, uint8_t *bytes) {
    size_t i = 0;
    switch (width) {
        CK_PACK_PAIRS(1)
        CK_PACK_PAIRS(2)
        CK_PACK_PAIRS(3)
        CK_PACK_PAIRS(4)
        CK_PACK_PAIRS(5)
        CK_PACK_PAIRS(6)
        CK_PACK_PAIRS(7)
    default:
        break;
    }
    for (; i < count; i++) {
        memcpy(bytes + i * width, integers + i, width);
    }
}

CK_KERNEL
void ck_unpack_integers(const uint8_t *bytes, size_t count, size_t width, int64_t *integers) {
    size_t i = 0;
    switch (width) {
        CK_UNPACK_PAIRS(1)
        CK_UNPACK_PAIRS(2)
        CK_UNPACK_PAIRS(3)
        CK_UNPACK_PAIRS(4)
        CK_UNPACK_PAIRS(5)
        CK_UNPACK_PAIRS(6)
        CK_UNPACK_PAIRS(7)
    default:
        break;
    }
    size_t empty = 64 - 8 * width;
    for (; i < count; i++) {
        uint64_t whole = 0;
        memcpy(&whole, bytes + i * width, width);
        integers[i] = (int64_t)(whole << empty) >> empty;
    }
}
