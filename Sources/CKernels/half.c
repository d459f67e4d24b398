//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "half.h"

#include <string.h>

#include "clones.h"

static inline float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint16_t load_16(const unsigned char *bytes, size_t index) {
    uint16_t value;
    memcpy(&value, bytes + 2 * index, sizeof value);
    return value;
}

static inline uint32_t load_32(const unsigned char *bytes, size_t index) {
    uint32_t value;
    memcpy(&value, bytes + 4 * index, sizeof value);
    return value;
}

CK_KERNEL
void ck_widen_f16(const void *source, size_t count, float *values) {
    const unsigned char *bytes = source;
    for (size_t i = 0; i < count; i++) {
        uint32_t half = load_16(bytes, i);
        uint32_t sign = (half & 0x8000u) << 16;
        uint32_t magnitude = half & 0x7FFFu;
        // Normal numbers: the exponent's bias goes from 15 to 127.
        uint32_t normal = (magnitude << 13) + ((127u - 15u) << 23);
        // Infinity and NaN: the exponent is all ones again.
        uint32_t special = (magnitude << 13) | 0x7F800000u;
        // Subnormal numbers m * 2^-24: (1 + m/1024) * 2^-14 - 2^-14, a difference of normal floats, so that a
        // thread that flushes subnormal floats to zero gets the same bits.
        uint32_t subnormal =
            bits_of_float(float_of_bits((magnitude << 13) | 0x38800000u) - float_of_bits(0x38800000u));
        uint32_t bits = magnitude >= 0x7C00u ? special : magnitude < 0x0400u ? subnormal : normal;
        values[i] = float_of_bits(bits | sign);
    }
}

CK_KERNEL
void ck_widen_bf16(const void *source, size_t count, float *values) {
    const unsigned char *bytes = source;
    for (size_t i = 0; i < count; i++) {
        values[i] = float_of_bits((uint32_t)load_16(bytes, i) << 16);
    }
}

CK_KERNEL
static uint32_t any_non_finite_f32(const unsigned char *bytes, size_t start, size_t end) {
    uint32_t found = 0;
    for (size_t i = start; i < end; i++) {
        found |= (load_32(bytes, i) & 0x7F800000u) == 0x7F800000u;
    }
    return found;
}

CK_KERNEL
static uint32_t any_non_finite_16(const unsigned char *bytes, size_t start, size_t end, uint16_t mask) {
    uint16_t found = 0;
    for (size_t i = start; i < end; i++) {
        found |= (uint16_t)((load_16(bytes, i) & mask) == mask);
    }
    return found;
}

// A block without a branch inside, then the search in the one block that holds the element.
enum { BLOCK = 4096 };

size_t ck_first_non_finite_f32(const void *source, size_t count) {
    const unsigned char *bytes = source;
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t end = count - start < BLOCK ? count : start + BLOCK;
        if (any_non_finite_f32(bytes, start, end)) {
            for (size_t i = start; i < end; i++) {
                if ((load_32(bytes, i) & 0x7F800000u) == 0x7F800000u) {
                    return i;
                }
            }
        }
    }
    return count;
}

size_t ck_first_non_finite_16(const void *source, size_t count, uint16_t exponent_mask) {
    const unsigned char *bytes = source;
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t end = count - start < BLOCK ? count : start + BLOCK;
        if (any_non_finite_16(bytes, start, end, exponent_mask)) {
            for (size_t i = start; i < end; i++) {
                if ((load_16(bytes, i) & exponent_mask) == exponent_mask) {
                    return i;
                }
            }
        }
    }
    return count;
}
