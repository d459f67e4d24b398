//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension WordPiece {
    /// The `model` of a `tokenizer.json`.
    init(reading field: JSONField) throws {
        let pieces = try Vocabulary.pieces(reading: try field.required("vocab"))
        let unknown = try field.required("unk_token").string()
        guard let unknownID = pieces.last(where: { $0.piece.elementsEqual(unknown.utf8) })?.id else {
            throw field.error(.invalidValue, "the vocabulary lacks the token for unknown words, \"\(unknown)\"")
        }
        self.init(
            pieces: pieces,
            prefix: try field.required("continuing_subword_prefix").string(),
            unknownID: unknownID,
            maximumWordLength: try field.required("max_input_chars_per_word")
                .integer(in: 0...TokenizerLimits.wordLength))
    }
}

extension BertNormalizer {
    /// The `normalizer` of a `tokenizer.json`.
    init(reading field: JSONField) throws {
        let lowercases = try field.required("lowercase").boolean()
        self.init(
            cleansText: try field.required("clean_text").boolean(),
            separatesIdeographs: try field.required("handle_chinese_chars").boolean(),
            // Null goes with the lower case.
            stripsAccents: try field.present("strip_accents")?.boolean() ?? lowercases,
            lowercases: lowercases)
    }
}
