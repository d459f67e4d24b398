//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Text in one of Unicode's normalization forms.
enum UnicodeForm: String, Normalizer {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    private var isCompatible: Bool { self == .nfkc || self == .nfkd }
    private var isComposed: Bool { self == .nfc || self == .nfkc }

    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8] {
        guard text.contains(where: { $0 >= 0x80 }) else { return Array(text) }
        var changing: ScalarClass = .decomposes
        if isCompatible { changing.insert(.decomposesCompatibly) }
        if isComposed { changing.insert(.composesWithPrevious) }
        let scalars = String(decoding: text, as: UTF8.self).unicodeScalars.map(\.value)
        let classes = ScalarClasses.shared
        guard scalars.contains(where: { !classes[$0].isDisjoint(with: changing) }) else { return Array(text) }
        let mappings = ScalarMappings.shared
        let decomposed = mappings.decompose(scalars, compatibly: isCompatible)
        return UTF8Coding.bytes(of: isComposed ? mappings.compose(decomposed) : decomposed)
    }
}

/// Lower case, scalar by scalar.
struct LowercaseNormalizer: Normalizer {
    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let mappings = ScalarMappings.shared
        return UTF8Coding.bytes(
            of: String(decoding: text, as: UTF8.self).unicodeScalars.flatMap { scalar in
                mappings.lowercase[scalar.value] ?? [scalar.value]
            })
    }
}

/// Text without combining marks; whoever wants them out of accented letters decomposes first.
struct StripAccentsNormalizer: Normalizer {
    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let classes = ScalarClasses.shared
        return UTF8Coding.bytes(
            of: String(decoding: text, as: UTF8.self).unicodeScalars.map(\.value)
                .filter { !classes[$0].contains(.combiningMark) })
    }
}

/// Text without white space at its ends.
struct StripNormalizer: Normalizer {
    let stripsLeft: Bool
    let stripsRight: Bool

    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let bytes = Array(text)
        let classes = ScalarClasses.shared
        var start = 0
        var end = bytes.count
        while stripsLeft, start < end {
            let (scalar, length) = UTF8Coding.scalar(in: bytes, at: start)
            guard classes[scalar].contains(.whitespace) else { break }
            start += length
        }
        while stripsRight, start < end {
            let last = UTF8Coding.start(ofScalarBefore: end, in: bytes)
            guard classes[UTF8Coding.scalar(in: bytes, at: last).scalar].contains(.whitespace) else { break }
            end = last
        }
        return Array(bytes[start..<end])
    }
}

/// A text in front of every text that is not empty.
struct PrependNormalizer: Normalizer {
    let prefix: [UInt8]

    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8] {
        text.isEmpty ? [] : prefix + text
    }
}

/// Every occurrence of one text by another.
struct ReplaceNormalizer: Normalizer {
    let replacement: TextReplacement

    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8] {
        replacement.apply(to: Array(text))
    }
}

/// Several normalizers, one after the other.
struct NormalizerSequence: Normalizer {
    let normalizers: [any Normalizer]

    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8] {
        normalizers.reduce(Array(text)) { $1.normalize($0[...]) }
    }
}
