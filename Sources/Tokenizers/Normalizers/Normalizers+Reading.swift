//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension TokenizerDescription {
    static let normalizers: [String: Reader<any Normalizer>] = [
        "BertNormalizer": { try BertNormalizer(reading: $0) },
        "Lowercase": { _ in LowercaseNormalizer() },
        "NFC": { _ in UnicodeForm.nfc },
        "NFD": { _ in UnicodeForm.nfd },
        "NFKC": { _ in UnicodeForm.nfkc },
        "NFKD": { _ in UnicodeForm.nfkd },
        "Prepend": { try PrependNormalizer(reading: $0) },
        "Replace": { ReplaceNormalizer(replacement: try TextReplacement(reading: $0)) },
        "Sequence": { try normalizer($0) },
        "Strip": {
            StripNormalizer(
                stripsLeft: try $0.required("strip_left").boolean(),
                stripsRight: try $0.required("strip_right").boolean())
        },
        "StripAccents": { _ in StripAccentsNormalizer() },
    ]

    /// A `normalizer`, which may be a sequence of them.
    static func normalizer(_ field: JSONField) throws -> any Normalizer {
        let fields = try flattened(field, "normalizers")
        let stages = try fields.map { try stage($0, normalizers) }
        try TextReplacement.checkGrowth(of: stages.compactMap { ($0 as? ReplaceNormalizer)?.replacement }, field)
        return stages.count == 1 ? stages[0] : NormalizerSequence(normalizers: stages)
    }
}

extension PrependNormalizer {
    init(reading field: JSONField) throws {
        let prefix = try field.required("prepend")
        self.init(prefix: try prefix.shortText())
    }
}

extension TextReplacement {
    /// A `Replace` normalizer or decoder: a text by another.
    init(reading field: JSONField) throws {
        let pattern = try field.required("pattern")
        guard let text = try pattern.member("String") else {
            let name = try pattern.member("Regex").map { "the regular expression \($0.kind)" } ?? pattern.kind
            throw pattern.error(.unsupported, "\(name) is not supported here; supported: {\"String\": …}")
        }
        self.init(try text.shortText(), by: try field.required("content").shortText())
    }

    /// Refuses replacements that together make texts very much longer.
    static func checkGrowth(of replacements: [TextReplacement], _ field: JSONField) throws {
        var growth = 1
        for replacement in replacements where !replacement.pattern.isEmpty {
            growth *= max(
                1, (replacement.replacement.count + replacement.pattern.count - 1) / replacement.pattern.count)
            guard growth <= TokenizerLimits.growth else {
                throw field.error(
                    .invalidValue, "makes texts more than \(TokenizerLimits.growth) times longer")
            }
        }
    }
}

extension JSONField {
    /// The bytes of a text that may be a piece.
    func shortText() throws -> [UInt8] {
        let text = try string()
        guard text.utf8.count <= TokenizerLimits.pieceBytes else {
            throw error(.invalidValue, "expected at most \(TokenizerLimits.pieceBytes) bytes, found \(text.utf8.count)")
        }
        return Array(text.utf8)
    }

    /// The bytes of a text of one character.
    func character() throws -> [UInt8] {
        let text = try string()
        guard text.unicodeScalars.count == 1 else {
            throw error(.invalidValue, "expected one character, found \(kind)")
        }
        return Array(text.utf8)
    }

    /// The value that one of a type's names stands for.
    func choice<Choice: RawRepresentable & CaseIterable>(_ type: Choice.Type) throws -> Choice
    where Choice.RawValue == String {
        guard let choice = Choice(rawValue: try string()) else {
            let names = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw error(.invalidValue, "expected one of \(names), found \(kind)")
        }
        return choice
    }
}
