//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The alphabet of byte-level tokenizers: a printable character for every byte.
///
/// Printable bytes stand for themselves, the others for U+0100 and on in their order (GPT-2's `bytes_to_unicode`).
enum ByteAlphabet {
    /// The character of every byte.
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (0..<256).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return UInt32(byte)
            default:
                next += 1
                return next - 1
            }
        }
    }()

    /// The characters as UTF-8: one byte, or two with the second in the high half.
    fileprivate static let encoded: [UInt16] = scalars.map { scalar in
        let bytes = UTF8Coding.bytes(of: scalar)
        return UInt16(bytes[0]) | (bytes.count == 2 ? UInt16(bytes[1]) << 8 : 0)
    }

    /// The byte of every character, by its scalar; -1 where it is none of the alphabet's.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: Int(scalars.max() ?? 0) + 1)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    /// The bytes that a text of the alphabet's characters stands for; nil if it has others too.
    static func bytes(of text: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            let (scalar, length) = UTF8Coding.scalar(in: text, at: position)
            guard scalar < bytes.count, bytes[Int(scalar)] >= 0 else { return nil }
            result.append(UInt8(bytes[Int(scalar)]))
            position += length
        }
        return result
    }
}

/// GPT-2's pre-tokenizer: words by its pattern, written in the characters of ``ByteAlphabet``.
struct ByteLevelPreTokenizer: PreTokenizer {
    /// Whether a word that begins with no space gets one.
    let addsPrefixSpace: Bool
    /// Whether words are cut by GPT-2's pattern, or taken as they are.
    let usesPattern: Bool

    func cut(_ stretch: inout WordStretch) {
        if addsPrefixSpace {
            stretch.rewrite { word, text, output in
                if text[word.lowerBound] != UInt8(ascii: " ") { output.append(UInt8(ascii: " ")) }
                output.append(contentsOf: text[word])
            }
        }
        if usesPattern {
            SplitPreTokenizer(pattern: .words(.gpt2), behavior: .isolated, isInverted: false).cut(&stretch)
        }
        let encoded = ByteAlphabet.encoded
        stretch.rewrite { word, text, output in
            for byte in text[word] {
                let character = encoded[Int(byte)]
                output.append(UInt8(truncatingIfNeeded: character))
                if character > 0xFF { output.append(UInt8(character >> 8)) }
            }
        }
    }
}
