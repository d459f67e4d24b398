//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a safetensors file says about itself: tensors by name, checked against the file's size and each other.
///
/// Format: 8 bytes, the length N of the header as an unsigned little-endian integer; N bytes of JSON,
/// `{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {"key": "value"}}`,
/// padded with spaces; then the tensors' bytes, to which the offsets refer, little-endian, row-major, without holes.
/// Source: the format's description and reference implementation (github.com/huggingface/safetensors).
///
/// Stricter than the reference in three points: a key may not stand twice, an entry has its three keys and no others,
/// and a shape has at most 64 dimensions (which is PyTorch's limit).
package struct SafetensorsHeader: Hashable, Sendable {
    /// One tensor's entry.
    package struct Entry: Hashable, Sendable {
        package let name: String
        package let dtype: DType
        package let shape: [Int]
        /// Where its bytes lie, counted from the start of the file.
        package let byteRange: Range<Int>

        /// How many elements it has.
        package var count: Int { shape.reduce(1, *) }
    }

    /// The tensors in the order of their bytes.
    package let entries: [Entry]
    /// The pairs under `__metadata__`.
    package let metadata: [String: String]

    /// The longest header, in bytes, as in the reference implementation.
    package static let lengthLimit = 100_000_000
    /// The most dimensions of a shape.
    package static let dimensionLimit = 64
    /// The name that belongs to the format, not to a tensor.
    static let metadataName = "__metadata__"

    /// Reads the header of a file that consists of `bytes`, and checks every number in it.
    /// - Parameter file: How errors call the file.
    /// - Throws: `TensorFileError` with file, tensor, what was expected and what was found.
    package static func parse(_ bytes: UnsafeRawBufferPointer, file: String) throws(TensorFileError) -> Self {
        guard bytes.count >= 8 else {
            throw TensorFileError(
                .truncated, "\(file): expected 8 bytes with the header's length, found a file of \(bytes.count) bytes")
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(lengthLimit) else {
            throw TensorFileError(
                .headerTooLong,
                "\(file): the header's stated length is \(length) bytes, above the format's limit of \(lengthLimit); "
                    + "is this a safetensors file?")
        }
        let dataStart = 8 + Int(length)
        guard dataStart <= bytes.count else {
            throw TensorFileError(
                .truncated,
                "\(file): the header is stated to end at byte \(dataStart), but the file has \(bytes.count) bytes; "
                    + "is the download complete?")
        }
        var parser = SafetensorsHeaderParser(UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]), file: file)
        let (raw, metadata) = try parser.header()
        return Self(
            entries: try check(raw, dataStart: dataStart, dataCount: bytes.count - dataStart, file: file),
            metadata: metadata)
    }

    /// Holds every tensor against its type and shape, and all of them against the file: in order of their offsets they
    /// must cover the data without a gap.
    private static func check(
        _ raw: [SafetensorsHeaderParser.RawEntry], dataStart: Int, dataCount: Int, file: String
    ) throws(TensorFileError) -> [Entry] {
        var entries: [Entry] = []
        entries.reserveCapacity(raw.count)
        for entry in raw {
            guard let dtype = DType(rawValue: entry.dtype) else {
                throw TensorFileError(
                    .unknownElementType,
                    "\(file), tensor \(entry.name): unknown dtype \(entry.dtype), expected one of "
                        + DType.allCases.map(\.rawValue).joined(separator: ", "))
            }
            let (begin, end) = entry.offsets
            guard begin <= end else {
                throw TensorFileError(
                    .badOffsets, "\(file), tensor \(entry.name): data_offsets [\(begin), \(end)] are reversed")
            }
            guard end <= dataCount else {
                throw TensorFileError(
                    .truncated,
                    "\(file), tensor \(entry.name): its bytes are stated to end at \(end) of the data, but the file "
                        + "has \(dataCount) bytes of data; is the download complete?")
            }
            let expected = try byteCount(of: entry, dtype: dtype, file: file)
            guard end - begin == expected else {
                throw TensorFileError(
                    .badOffsets,
                    "\(file), tensor \(entry.name): \(dtype.rawValue) of shape \(entry.shape) takes \(expected) bytes, "
                        + "but data_offsets [\(begin), \(end)] are \(end - begin)")
            }
            entries.append(
                Entry(
                    name: entry.name, dtype: dtype, shape: entry.shape, byteRange: dataStart + begin..<dataStart + end))
        }
        entries.sort {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
        }
        var covered = dataStart
        var previous = "the header"
        for entry in entries {
            guard entry.byteRange.lowerBound >= covered else {
                throw TensorFileError(
                    .overlap,
                    "\(file), tensor \(entry.name): its bytes start at \(entry.byteRange.lowerBound - dataStart), but "
                        + "those of \(previous) end at \(covered - dataStart)")
            }
            guard entry.byteRange.lowerBound == covered else {
                throw TensorFileError(
                    .hole,
                    "\(file), tensor \(entry.name): its bytes start at \(entry.byteRange.lowerBound - dataStart), "
                        + "expected \(covered - dataStart), where \(previous) ends")
            }
            covered = entry.byteRange.upperBound
            previous = entry.name
        }
        guard covered == dataStart + dataCount else {
            throw TensorFileError(
                .hole,
                "\(file): the tensors cover \(covered - dataStart) bytes of data, but the file has \(dataCount)")
        }
        return entries
    }

    private static func byteCount(
        of entry: SafetensorsHeaderParser.RawEntry, dtype: DType, file: String
    ) throws(TensorFileError) -> Int {
        var bits = dtype.bitCount
        for dimension in entry.shape {
            let product = bits.multipliedReportingOverflow(by: dimension)
            guard !product.overflow else {
                throw TensorFileError(
                    .shapeOverflow, "\(file), tensor \(entry.name): shape \(entry.shape) has more bits than 2^63")
            }
            bits = product.partialValue
        }
        guard bits % 8 == 0 else {
            throw TensorFileError(
                .badOffsets,
                "\(file), tensor \(entry.name): \(dtype.rawValue) of shape \(entry.shape) takes \(bits) bits, which is "
                    + "no whole number of bytes")
        }
        return bits / 8
    }
}
