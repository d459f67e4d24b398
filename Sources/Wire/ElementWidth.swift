//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// In how many bytes each integer of a chunk travels: the fewest that hold all of them.
///
/// A gradient's sums, at 2^-40 a unit, are far below 2^63: five bytes mostly hold them. The integers arrive as they were,
/// whatever the width; it is a property of one chunk, chosen by its sender.
package struct ElementWidth: Hashable, Sendable {
    /// All that there are, in bytes.
    package static let range = 1...MemoryLayout<Int64>.size

    /// In bytes, two's complement, little-endian.
    package let byteCount: Int

    /// - Precondition: One of `range`.
    package init(byteCount: Int) {
        precondition(Self.range.contains(byteCount), "integers of \(byteCount) bytes")
        self.byteCount = byteCount
    }

    /// The least that holds all of `elements`.
    package init(holding elements: UnsafeBufferPointer<Int64>) {
        let bits = ck_bits_beside_sign(elements.baseAddress, elements.count)
        byteCount = (UInt64.bitWidth - bits.leadingZeroBitCount) / 8 + 1
    }

    /// Whether elements travel as they lie in memory.
    package var isWhole: Bool { byteCount == MemoryLayout<Int64>.size }

    /// Writes the low bytes of each element, one behind the other.
    /// - Precondition: `bytes` has room for `byteCount` each.
    package func pack(_ elements: UnsafeBufferPointer<Int64>, into bytes: UnsafeMutableRawBufferPointer) {
        precondition(
            bytes.count >= elements.count * byteCount, "\(elements.count) elements of \(byteCount) to \(bytes.count)")
        ck_pack_integers(elements.baseAddress, elements.count, byteCount, bytes.baseAddress)
    }

    /// Reads elements that `pack` wrote, as many as `elements` has room for.
    /// - Precondition: `bytes` holds as many.
    package func unpack(_ bytes: UnsafeRawBufferPointer, into elements: UnsafeMutableBufferPointer<Int64>) {
        precondition(
            bytes.count >= elements.count * byteCount, "\(elements.count) elements of \(byteCount) in \(bytes.count)")
        ck_unpack_integers(bytes.baseAddress, elements.count, byteCount, elements.baseAddress)
    }
}
