//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// The kernels of packed_integers.c over the rows of one kind of words, which includes this once for each. CK_ROWS gives a
// name of that kind, CK_WORD_BITS says how long its words are. All are of whole blocks, which have as many rows as a word
// has bits and so fill as many words of each sequence as an element has bits.
//
// How far to shift is kept in rows too, the same for all elements: a count in another register, or a branch on whether a
// word is full, costs more than the shifting. Rows come back through pointers: how a function returns one depends on the
// level of instructions.

enum { CK_ROWS(elements) = CK_BLOCK / CK_WORD_BITS };

CK_INLINE void CK_ROWS(pack)(const int64_t *integers, size_t width, uint8_t *bytes) {
    CK_ROWS(words) *words = (CK_ROWS(words) *)bytes;
    CK_ROWS(row) none = {0}, sign = (none + 1) << (uint32_t)(width - 1), mask = (sign - 1) | sign;
    CK_ROWS(row) word = none, offset = none;
    for (size_t i = 0; i < CK_WORD_BITS; i++) {
        CK_ROWS(row) row;
        CK_ROWS(gather)(integers + i * CK_ROWS(elements), &row);
        row &= mask;
        word |= row << offset;
        // Stored whether it is full or not: if not, the next store is to the same place.
        words[i * width / CK_WORD_BITS] = word;
        // What of the row did not fit, in two steps, as a shift by all bits is not defined.
        CK_ROWS(row) rest = row >> 1 >> (CK_WORD_BITS - 1 - offset);
        CK_ROWS(row) isFull = (CK_ROWS(row))(offset + (uint32_t)width >= CK_WORD_BITS);
        word = (rest & isFull) | (word & ~isFull);
        offset = (offset + (uint32_t)width) % CK_WORD_BITS;
    }
}

CK_INLINE void CK_ROWS(read)(
    const uint8_t *bytes, size_t place, size_t width, const CK_ROWS(row) *offset, CK_ROWS(row) *elements) {
    const CK_ROWS(words) *words = (const CK_ROWS(words) *)bytes;
    size_t word = place * width / CK_WORD_BITS;
    // Of a word behind the last one no bit is used, so any other will do.
    size_t next = word + 1 < width ? word + 1 : word;
    CK_ROWS(row) row = words[word] >> *offset | words[next] << 1 << (CK_WORD_BITS - 1 - *offset);
    CK_ROWS(row) none = {0}, sign = (none + 1) << (uint32_t)(width - 1), mask = (sign - 1) | sign;
    *elements = ((row & mask) ^ sign) - sign;
}

CK_INLINE void CK_ROWS(unpack)(const uint8_t *bytes, size_t width, int64_t *integers) {
    CK_ROWS(row) offset = {0};
    for (size_t i = 0; i < CK_WORD_BITS; i++) {
        CK_ROWS(row) row;
        CK_ROWS(read)(bytes, i, width, &offset, &row);
        ck_four parts[CK_ROWS(elements) / FOUR];
        CK_ROWS(spread)(&row, parts);
        memcpy(integers + i * CK_ROWS(elements), parts, sizeof parts);
        offset = (offset + (uint32_t)width) % CK_WORD_BITS;
    }
}

CK_INLINE int CK_ROWS(add)(const uint8_t *bytes, size_t width, const int64_t *addends, int64_t *sums) {
    CK_ROWS(row) offset = {0};
    // Overflows are gathered, not branched on: the sign bit is set where both addends have one sign, the sum the other.
    ck_four overflows = {0};
    for (size_t i = 0; i < CK_WORD_BITS; i++) {
        CK_ROWS(row) row;
        CK_ROWS(read)(bytes, i, width, &offset, &row);
        ck_four parts[CK_ROWS(elements) / FOUR], others[CK_ROWS(elements) / FOUR];
        CK_ROWS(spread)(&row, parts);
        memcpy(others, addends + i * CK_ROWS(elements), sizeof others);
        for (size_t part = 0; part < CK_ROWS(elements) / FOUR; part++) {
            ck_four both = parts[part] + others[part];
            overflows |= (parts[part] ^ both) & (others[part] ^ both);
            parts[part] = both;
        }
        memcpy(sums + i * CK_ROWS(elements), parts, sizeof parts);
        offset = (offset + (uint32_t)width) % CK_WORD_BITS;
    }
    return (overflows[0] | overflows[1] | overflows[2] | overflows[3]) >> (WIDE_BITS - 1) == 0;
}
