//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The check sum of ISO 3309, as in zip and Ethernet: tells a line that was cut or overwritten by accident.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
        }
    }

    static func sum(of bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { value, byte in
            table[Int((value ^ UInt32(byte)) & 0xFF)] ^ value >> 8
        }
    }

    /// Eight hexadecimal digits.
    static func text(of bytes: some Sequence<UInt8>) -> String {
        let digits = String(sum(of: bytes), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
