//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The well-formedness of UTF-8 (Unicode 15.0, table 3-7), with the place of the first fault.
///
/// The whole file is checked before it is split, so that no later step can meet, or repair, a broken character.
package enum UTF8Validation {
    /// The offset of the first byte that does not belong to a well-formed character; nil where all do.
    package static func firstFault(in bytes: [UInt8]) -> Int? {
        var position = 0
        while position < bytes.count {
            let lead = bytes[position]
            if lead < 0x80 {
                position += 1
                continue
            }
            guard let length = characterLength(bytes, at: position, lead: lead) else {
                return position
            }
            position += length
        }
        return nil
    }

    /// The number of bytes of the character that starts with `lead` at `position`; nil where it is malformed.
    private static func characterLength(_ bytes: [UInt8], at position: Int, lead: UInt8) -> Int? {
        // The second byte is what rules out overlong forms, surrogates and what lies above U+10FFFF.
        let (length, second): (Int, ClosedRange<UInt8>)
        switch lead {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard position + length <= bytes.count, second.contains(bytes[position + 1]) else {
            return nil
        }
        for continuation in bytes[(position + 2)..<(position + length)] where continuation & 0xC0 != 0x80 {
            return nil
        }
        return length
    }
}
