//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension FixedWidthInteger {
    /// Reads a number from the front of `bytes` and drops it there.
    /// - Precondition: `bytes` is long enough.
    init(littleEndianBytes bytes: inout ArraySlice<UInt8>) {
        let size = Self.bitWidth / 8
        precondition(bytes.count >= size, "\(size) bytes from \(bytes.count)")
        var value: Self = 0
        for (place, byte) in bytes.prefix(size).enumerated() {
            value |= Self(truncatingIfNeeded: byte) << (8 * place)
        }
        self = value
        bytes = bytes.dropFirst(size)
    }

    /// Adds the number's bytes to `bytes`, the lowest first.
    func appendLittleEndian(to bytes: inout [UInt8]) {
        for place in 0..<(Self.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: self >> (8 * place)))
        }
    }
}

/// The bytes of `floats`, each little-endian.
func littleEndianBytes(of floats: [Float]) -> [UInt8] {
    floats.map(\.bitPattern.littleEndian).withUnsafeBytes { Array($0) }
}

/// The floats in `bytes`; bytes after the last whole float are left out.
func floats(fromLittleEndian bytes: [UInt8]) -> [Float] {
    let size = MemoryLayout<UInt32>.size
    return bytes.withUnsafeBytes { buffer in
        (0..<(buffer.count / size)).map { place in
            Float(bitPattern: UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: place * size, as: UInt32.self)))
        }
    }
}
