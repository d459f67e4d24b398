//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The header of a `chunk` frame on a data link: which part of which sum follows as raw little-endian integers.
///
/// Not protobuf: it is read and written for every piece of every exchange, next to the sums' own memory. All numbers
/// little-endian:
///
///     offset  size  field
///     0       4     generation
///     4       4     bytes an element, 1 to 8: see `ElementWidth`
///     8       8     exchange
///     16      8     offset of the first element
///     24      8     how many elements follow as raw bytes
package struct ChunkHeader: Hashable, Sendable {
    /// How long it is, in bytes.
    package static let byteCount = 32
    /// The most elements of one chunk.
    package static let maximumElements = (16 << 20) / MemoryLayout<Int64>.size

    /// The roster's generation.
    package let generation: Int
    /// Counts this generation's exchanges.
    package let exchange: UInt64
    /// How each element is written.
    package let width: ElementWidth
    /// Where in the vector the chunk starts, in elements.
    package let offset: Int
    /// How many elements follow.
    package let elementCount: Int

    /// - Throws: `WireError` with `badField` for a field out of its range.
    package init(
        generation: Int, exchange: UInt64, width: ElementWidth, offset: Int, elementCount: Int
    ) throws(WireError) {
        let check = FieldChecks("ChunkHeader")
        try check.generation(generation)
        try check.integer("offset", offset, 0...(1 << 40))
        try check.integer("element_count", elementCount, 1...Self.maximumElements)
        self.generation = generation
        self.exchange = exchange
        self.width = width
        self.offset = offset
        self.elementCount = elementCount
    }

    /// Reads a header and holds it against the frame's raw length.
    /// - Throws: `WireError`.
    package init(
        validating bytes: some RandomAccessCollection<UInt8>, rawByteCount: Int
    ) throws(WireError) {
        let check = FieldChecks("ChunkHeader")
        guard bytes.count == Self.byteCount else {
            throw WireError(.malformed, "expected a chunk header of \(Self.byteCount) bytes, found \(bytes.count)")
        }
        var rest = Array(bytes)[...]
        let generation = UInt32(littleEndianBytes: &rest)
        let width = UInt32(littleEndianBytes: &rest)
        let exchange = UInt64(littleEndianBytes: &rest)
        let offset = UInt64(littleEndianBytes: &rest)
        let elementCount = UInt64(littleEndianBytes: &rest)
        try check.integer("element_byte_count", Int(width), ElementWidth.range)
        try self.init(
            generation: Int(generation), exchange: exchange, width: ElementWidth(byteCount: Int(width)),
            offset: check.decodeInteger("offset", offset),
            elementCount: check.decodeInteger("element_count", elementCount))
        guard rawByteCount == self.elementCount * self.width.byteCount else {
            throw check.error(
                "element_count",
                "\(self.elementCount) elements of \(width) bytes announced, \(rawByteCount) bytes follow")
        }
    }

    /// The frame's prefix and this header: what goes out before the elements.
    package func encodeWithPrefix() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(FramePrefix.byteCount + Self.byteCount)
        FramePrefix(
            kind: .chunk, headerByteCount: Self.byteCount, rawByteCount: elementCount * width.byteCount
        ).append(to: &bytes)
        UInt32(generation).appendLittleEndian(to: &bytes)
        UInt32(width.byteCount).appendLittleEndian(to: &bytes)
        exchange.appendLittleEndian(to: &bytes)
        UInt64(offset).appendLittleEndian(to: &bytes)
        UInt64(elementCount).appendLittleEndian(to: &bytes)
        return bytes
    }
}
