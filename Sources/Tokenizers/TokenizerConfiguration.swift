//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

/// A folder's `tokenizer_config.json`: beside `vocab.txt` it says how text is normalized, beside `tokenizer.json` it must
/// not say otherwise.
struct TokenizerConfiguration {
    /// The file's content; nil where the folder has none.
    let root: JSONField?
    /// The content of `special_tokens_map.json`; nil where the folder has none.
    let specialTokens: JSONField?
    /// The path of `added_tokens.json`; nil where the folder has none.
    let addedTokensFile: String?

    init(_ files: TokenizerFiles) throws {
        root = try files.json("tokenizer_config.json")
        specialTokens = try files.json("special_tokens_map.json")
        addedTokensFile = files.contents["added_tokens.json"] == nil ? nil : files.path("added_tokens.json")
    }

    /// The side at which long text is cut; the right one if the file does not say.
    func truncationSide() throws -> Truncation.Side {
        guard let field = try root?.present("truncation_side") else { return .right }
        guard let side = Truncation.Side(rawValue: try field.string()) else {
            throw field.error(.invalidValue, "expected \"left\" or \"right\", found \(field.kind)")
        }
        return side
    }

    /// Refuses settings that contradict those of `tokenizer.json`: which of them the model was trained with cannot be
    /// known, and Hugging Face's libraries disagree on which counts.
    func checkAgreement(with normalizer: BertNormalizer, file: String) throws {
        let settings = [
            ("do_lower_case", "lowercase", normalizer.lowercases),
            ("strip_accents", "strip_accents", normalizer.stripsAccents),
            ("tokenize_chinese_chars", "handle_chinese_chars", normalizer.separatesIdeographs),
        ]
        for (key, theirs, expected) in settings {
            guard let field = try root?.present(key), try field.boolean() != expected else { continue }
            throw field.error(
                .contradiction,
                "is \(!expected), but \(file) has \"normalizer.\(theirs)\" as \(expected); "
                    + "make them equal to what the model was trained with")
        }
    }

    /// Refuses an `add_prefix_space` that contradicts the one of `tokenizer.json`.
    func checkAgreement(with byteLevel: ByteLevelPreTokenizer, file: String) throws {
        guard let field = try root?.present("add_prefix_space"), try field.boolean() != byteLevel.addsPrefixSpace else {
            return
        }
        throw field.error(
            .contradiction,
            "is \(!byteLevel.addsPrefixSpace), but \(file) has \"pre_tokenizer.add_prefix_space\" as "
                + "\(byteLevel.addsPrefixSpace); make them equal to what the model was trained with")
    }

    /// The text of a special token: a text, or an object with the text as `content`.
    func specialToken(_ key: String) throws -> String? {
        for file in [root, specialTokens] {
            guard let field = try file?.present(key) else { continue }
            if case .object = field.value { return try field.required("content").string() }
            return try field.string()
        }
        return nil
    }
}
