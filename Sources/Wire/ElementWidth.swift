//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

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
        var bits: Int64 = 0
        for element in elements {
            // The bits that differ from the sign.
            bits |= element ^ (element >> 63)
        }
        byteCount = (Int64.bitWidth - bits.leadingZeroBitCount) / 8 + 1
    }

    /// Whether elements travel as they lie in memory.
    package var isWhole: Bool { byteCount == MemoryLayout<Int64>.size }

    /// How many bytes beyond the last packed element `pack` writes and `unpack` reads.
    package static let slackByteCount = 7

    /// Writes the low bytes of each element, one behind the other.
    ///
    /// `bytes` has room for all of them and for `slackByteCount` more, whose contents change.
    package func pack(_ elements: UnsafeBufferPointer<Int64>, into bytes: UnsafeMutableRawPointer) {
        var target = bytes
        for element in elements {
            target.storeBytes(of: element.littleEndian, as: Int64.self)
            target += byteCount
        }
    }

    /// Reads elements that `pack` wrote, as many as `elements` has room for.
    ///
    /// `bytes` are followed by `slackByteCount` readable ones, whatever they hold.
    package func unpack(_ bytes: UnsafeRawPointer, into elements: UnsafeMutableBufferPointer<Int64>) {
        let shift = Int64.bitWidth - 8 * byteCount
        var source = bytes
        for index in 0..<elements.count {
            let raw = Int64(littleEndian: source.loadUnaligned(as: Int64.self))
            elements[index] = (raw << shift) >> shift
            source += byteCount
        }
    }
}
