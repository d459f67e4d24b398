//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The header of a `chunk` frame on a data link: which part of which sum follows, as `PackedIntegers`.
///
/// Not protobuf: it is read and written for every piece of every exchange. All numbers little-endian:
///
///     offset  size  field
///     0       4     generation
///     4       4     zero
///     8       8     exchange
///     16      8     offset of the first element
///     24      8     how many elements follow
package struct ChunkHeader: Hashable, Sendable {
    /// How long it is, in bytes.
    package static let byteCount = 32
    /// The most elements of one chunk.
    package static let maximumElements = (16 << 20) / MemoryLayout<Int64>.size

    /// The roster's generation.
    package let generation: Int
    /// Counts this generation's exchanges.
    package let exchange: UInt64
    /// Where in the vector the chunk starts, in elements.
    package let offset: Int
    /// How many elements follow.
    package let elementCount: Int

    /// - Throws: `WireError` with `badField` for a field out of its range.
    package init(
        generation: Int, exchange: UInt64, offset: Int, elementCount: Int
    ) throws(WireError) {
        let check = FieldChecks("ChunkHeader")
        try check.generation(generation)
        try check.integer("offset", offset, 0...(1 << 40))
        try check.integer("element_count", elementCount, 1...Self.maximumElements)
        self.generation = generation
        self.exchange = exchange
        self.offset = offset
        self.elementCount = elementCount
    }

    /// Reads a header and holds it against the frame's raw length.
    ///
    /// How many bytes its elements take within those bounds only they tell.
    /// - Throws: `WireError`.
    package init(validating bytes: ArraySlice<UInt8>, rawByteCount: Int) throws(WireError) {
        let check = FieldChecks("ChunkHeader")
        guard bytes.count == Self.byteCount else {
            throw WireError(.malformed, "expected a chunk header of \(Self.byteCount) bytes, found \(bytes.count)")
        }
        var rest = bytes
        let generation = UInt32(littleEndianBytes: &rest)
        let zero = UInt32(littleEndianBytes: &rest)
        let exchange = UInt64(littleEndianBytes: &rest)
        let offset = UInt64(littleEndianBytes: &rest)
        let elementCount = UInt64(littleEndianBytes: &rest)
        try check.integer("zero", Int(zero), 0...0)
        try self.init(
            generation: Int(generation), exchange: exchange, offset: check.decodeInteger("offset", offset),
            elementCount: check.decodeInteger("element_count", elementCount))
        let expected = PackedIntegers.byteCounts(elementCount: self.elementCount)
        guard expected.contains(rawByteCount) else {
            throw check.error(
                "element_count",
                "\(self.elementCount) elements announced, which take \(expected) bytes; \(rawByteCount) follow")
        }
    }

    /// The frame's prefix and this header: what goes out before the elements.
    /// - Parameter packedByteCount: In how many bytes they travel.
    package func encodeWithPrefix(packedByteCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(FramePrefix.byteCount + Self.byteCount)
        FramePrefix(kind: .chunk, headerByteCount: Self.byteCount, rawByteCount: packedByteCount).append(to: &bytes)
        UInt32(generation).appendLittleEndian(to: &bytes)
        UInt32(0).appendLittleEndian(to: &bytes)
        exchange.appendLittleEndian(to: &bytes)
        UInt64(offset).appendLittleEndian(to: &bytes)
        UInt64(elementCount).appendLittleEndian(to: &bytes)
        return bytes
    }
}
