//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// BERT's clean-up of text: control characters, Chinese characters, accents, lower case, in this order.
///
/// As `BertNormalizer` of Hugging Face's `tokenizers`. Every scalar stands for itself: there are no grapheme clusters
/// here, and lower case knows no context.
struct BertNormalizer: Normalizer {
    /// Drops control characters and makes all white space a space.
    let cleansText: Bool
    /// Sets Chinese characters apart as words of one character.
    let separatesIdeographs: Bool
    let stripsAccents: Bool
    let lowercases: Bool
    /// What becomes of each ASCII character; `dropped` for none.
    private let ascii: [UInt8]
    private static let dropped: UInt8 = 0xFF

    init(cleansText: Bool, separatesIdeographs: Bool, stripsAccents: Bool, lowercases: Bool) {
        self.cleansText = cleansText
        self.separatesIdeographs = separatesIdeographs
        self.stripsAccents = stripsAccents
        self.lowercases = lowercases
        ascii = (UInt32(0)..<128).map { byte -> UInt8 in
            let flags = ScalarClasses.shared[byte]
            if cleansText, flags.contains(.removed) { return Self.dropped }
            if cleansText, flags.contains(.whitespace) { return UInt8(ascii: " ") }
            return lowercases && byte >= 0x41 && byte <= 0x5A ? UInt8(byte) + 0x20 : UInt8(byte)
        }
    }

    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for byte in text {
            guard byte < 0x80 else { return normalizeScalars(text) }
            let mapped = ascii[Int(byte)]
            if mapped != Self.dropped { result.append(mapped) }
        }
        return result
    }

    private func normalizeScalars(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let classes = ScalarClasses.shared
        var scalars: [UInt32] = []
        scalars.reserveCapacity(text.count)
        var needsDecomposition = false
        for unicode in String(decoding: text, as: UTF8.self).unicodeScalars {
            var scalar = unicode.value
            let flags = classes[scalar]
            if cleansText {
                if flags.contains(.removed) { continue }
                if flags.contains(.whitespace) { scalar = 0x20 }
            }
            if separatesIdeographs, flags.contains(.ideograph) {
                scalars.append(0x20)
                scalars.append(scalar)
                scalars.append(0x20)
            } else {
                scalars.append(scalar)
            }
            if flags.contains(.decomposes) { needsDecomposition = true }
        }
        if stripsAccents, needsDecomposition { scalars = ScalarMappings.shared.decompose(scalars) }

        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in scalars {
            let flags = classes[scalar]
            if stripsAccents, flags.contains(.nonspacingMark) { continue }
            if lowercases, flags.contains(.hasLowercase), let mapped = ScalarMappings.shared.lowercase[scalar] {
                for part in mapped { UTF8Coding.append(part, to: &result) }
            } else {
                UTF8Coding.append(scalar, to: &result)
            }
        }
        return result
    }
}
