//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension TokenizerDescription {
    static let preTokenizers: [String: Reader<any PreTokenizer>] = [
        "BertPreTokenizer": { _ in BertPreTokenizer() },
        "ByteLevel": {
            ByteLevelPreTokenizer(
                addsPrefixSpace: try $0.required("add_prefix_space").boolean(),
                usesPattern: try $0.present("use_regex")?.boolean() ?? true)
        },
        "Digits": { DigitsPreTokenizer(isolatesDigits: try $0.required("individual_digits").boolean()) },
        "Metaspace": { try MetaspacePreTokenizer(reading: $0) },
        "Sequence": { try preTokenizer($0) },
        "Split": { try SplitPreTokenizer(reading: $0) },
        "Whitespace": { _ in WhitespacePreTokenizer() },
        "WhitespaceSplit": { _ in WhitespaceSplitPreTokenizer() },
    ]

    /// A `pre_tokenizer`, which may be a sequence of them.
    static func preTokenizer(_ field: JSONField) throws -> any PreTokenizer {
        let stages = try flattened(field, "pretokenizers").map { try stage($0, preTokenizers) }
        guard stages.count(where: { $0 is ByteLevelPreTokenizer }) <= 1 else {
            throw field.error(.unsupported, "\"ByteLevel\" twice is not supported")
        }
        return stages.count == 1 ? stages[0] : PreTokenizerSequence(preTokenizers: stages)
    }
}

extension SplitPreTokenizer {
    init(reading field: JSONField) throws {
        let pattern = try field.required("pattern")
        if let text = try pattern.member("String") {
            self.pattern = .text(TextReplacement(try text.shortText(), by: []))
        } else {
            let expression = try pattern.required("Regex")
            let text = try expression.string()
            guard let known = WordPattern.allCases.first(where: { $0.rawValue.utf8.elementsEqual(text.utf8) }) else {
                let names = WordPattern.allCases.map(\.name).joined(separator: ", ")
                throw expression.error(
                    .unsupported, "the regular expression \"\(text.prefix(300))\" is not supported; supported: \(names)"
                )
            }
            self.pattern = .words(known)
        }
        behavior = try field.required("behavior").choice(SplitBehavior.self)
        isInverted = try field.required("invert").boolean()
    }
}

extension MetaspacePreTokenizer {
    /// In the spelling of today, or in the old one with `add_prefix_space` in place of `prepend_scheme`.
    init(reading field: JSONField) throws {
        replacement = try field.required("replacement").character()
        prependScheme = try PrependScheme(reading: field)
        splits = try field.present("split")?.boolean() ?? true
    }
}

extension MetaspacePreTokenizer.PrependScheme {
    /// The scheme of a pre-tokenizer or of a decoder.
    init(reading field: JSONField) throws {
        let addsSpace = try field.present("add_prefix_space")?.boolean()
        guard let scheme = try field.present("prepend_scheme") else {
            self = addsSpace == false ? .never : .always
            return
        }
        self = try scheme.choice(Self.self)
        if addsSpace == false, self != .never {
            throw scheme.error(.contradiction, "is \(scheme.kind), but \"add_prefix_space\" is false")
        }
    }
}
