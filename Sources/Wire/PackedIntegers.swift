//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// Integers as they travel: in blocks, each in as few bits an element as hold all of its own.
///
/// A gradient's sums, at 2^-40 a unit, are far below 2^63, and those of one tensor far below those of another. The
/// integers arrive as they were, whatever the widths.
///
/// A block is one byte, its width w of 1 to 64 bits, and then 32 bytes again and again: eight words of 32 bits where w is
/// at most 32, four of 64 bits otherwise, little-endian. The words at one place in these 32 bytes are one sequence, to
/// which every eighth or fourth element belongs: with four places the one at place k has elements k, k + 4, k + 8, …,
/// with eight those at places 0 to 7 begin with elements 0, 4, 1, 5, 2, 6, 3, 7. A sequence is the low w bits of its
/// elements, two's complement, one behind the other from the lowest bit of the first word on. What is left of the last
/// words is zero when sent and not looked at when received.
package enum PackedIntegers {
    /// The elements of a block; the last one of a stretch has what is left.
    package static let blockElementCount = Int(CK_BLOCK)

    /// The bytes of a whole block that is as wide as can be.
    package static let largestBlockByteCount = byteCounts(elementCount: blockElementCount).upperBound

    /// The least and the most bytes in which so many elements travel.
    package static func byteCounts(elementCount: Int) -> ClosedRange<Int> {
        let (blocks, left) = elementCount.quotientAndRemainder(dividingBy: blockElementCount)
        func byteCount(_ width: Int) -> Int {
            blocks * (1 + ck_block_bytes(blockElementCount, width)) + (left > 0 ? 1 + ck_block_bytes(left, width) : 0)
        }
        return byteCount(1)...byteCount(Int64.bitWidth)
    }

    /// Writes `elements` as blocks.
    /// - Returns: How many bytes that are.
    /// - Precondition: `bytes` has room for the most that so many take.
    package static func pack(
        _ elements: UnsafeBufferPointer<Int64>, into bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        precondition(
            bytes.count >= byteCounts(elementCount: elements.count).upperBound,
            "\(elements.count) elements to \(bytes.count) bytes")
        return ck_pack_integers(elements.baseAddress, elements.count, bytes.baseAddress)
    }

    /// `elements` as blocks.
    package static func packed(_ elements: [Int64]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCounts(elementCount: elements.count).upperBound)
        let count = bytes.withUnsafeMutableBytes { bytes in
            elements.withUnsafeBufferPointer { pack($0, into: bytes) }
        }
        return Array(bytes[..<count])
    }

    /// A block that has come in.
    package struct Block {
        /// 1 to `blockElementCount`.
        package let elementCount: Int
        /// With the width's byte in front.
        package let byteCount: Int
        private let width: Int
        private let words: UnsafeRawPointer

        /// The block at the front of `bytes`.
        /// - Returns: Nil where `bytes` ends before the block does.
        /// - Throws: `WireError` for a width that there is not.
        /// - Precondition: An element count that a block can have. The block lives no longer than `bytes`.
        package init?(
            atFrontOf bytes: UnsafeRawBufferPointer, elementCount: Int
        ) throws(WireError) {
            precondition((1...blockElementCount).contains(elementCount), "a block of \(elementCount) elements")
            guard let base = bytes.baseAddress, let width = bytes.first.map(Int.init) else { return nil }
            guard (1...Int64.bitWidth).contains(width) else {
                throw WireError(
                    .badField, "the width of a block of sums: expected 1 to \(Int64.bitWidth) bits, found \(width)")
            }
            byteCount = 1 + ck_block_bytes(elementCount, width)
            guard bytes.count >= byteCount else { return nil }
            self.elementCount = elementCount
            self.width = width
            words = base + 1
        }

        /// Writes the elements.
        /// - Precondition: As many as `elements` has room for.
        package func unpack(into elements: UnsafeMutableBufferPointer<Int64>) {
            precondition(elements.count == elementCount, "\(elementCount) elements to \(elements.count)")
            ck_unpack_block(words, elementCount, width, elements.baseAddress)
        }

        /// Writes the sums of the elements and `addends`, which may be `sums` itself.
        /// - Returns: Whether every sum fits 64 bits.
        /// - Precondition: As many as the block has elements.
        package func add(
            to addends: UnsafeBufferPointer<Int64>, into sums: UnsafeMutableBufferPointer<Int64>
        ) -> Bool {
            precondition(
                addends.count == elementCount && sums.count == elementCount,
                "\(elementCount) elements and \(addends.count) to \(sums.count) sums")
            return ck_add_block(words, elementCount, width, addends.baseAddress, sums.baseAddress) != 0
        }
    }
}
