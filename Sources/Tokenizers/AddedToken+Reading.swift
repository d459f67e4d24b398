//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

extension AddedToken {
    /// The `added_tokens` of a `tokenizer.json`.
    ///
    /// - Throws: ``TokenizerError`` where an id is not the one that `tokenizers` gives the token: it keeps the
    ///   vocabulary's, numbers the others on from there in the file's order, and ignores what the file says.
    static func list(
        reading field: JSONField, vocabulary: Vocabulary, normalizer: (any Normalizer)?
    ) throws -> [AddedToken] {
        let elements = try field.elements()
        guard elements.count <= TokenizerLimits.addedTokens else {
            throw field.error(
                .invalidValue, "expected at most \(TokenizerLimits.addedTokens) added tokens, found \(elements.count)")
        }
        var tokens: [AddedToken] = []
        var contents: Set<[UInt8]> = []
        var ids: Set<Int32> = []
        var nextID = Int32(vocabulary.count)
        for element in elements {
            let token = try AddedToken(reading: element, id: try element.required("id").tokenID())
            try token.check(element, normalizer)
            let expected = vocabulary.id(of: token.content) ?? nextID
            guard token.id == expected else {
                throw element.error(
                    .contradiction,
                    "the token \"\(token.content)\" has the id \(token.id); from the vocabulary and the tokens before "
                        + "it follows \(expected), which Hugging Face's tokenizers uses")
            }
            nextID = max(nextID, token.id + 1)
            guard contents.insert(Array(token.content.utf8)).inserted, ids.insert(token.id).inserted else {
                throw element.error(
                    .invalidValue, "the token \"\(token.content)\" or its id \(token.id) is there already")
            }
            tokens.append(token)
        }
        return tokens
    }

    /// One token's object; `id` stands elsewhere in some files.
    init(reading field: JSONField, id: Int32) throws {
        let isSpecial = try field.required("special").boolean()
        self.init(
            content: try field.required("content").string(),
            id: id,
            isSingleWord: try field.required("single_word").boolean(),
            stripsLeft: try field.required("lstrip").boolean(),
            stripsRight: try field.required("rstrip").boolean(),
            isNormalized: try field.required("normalized").boolean(),
            isSpecial: isSpecial)
    }

    /// Refuses a token that cannot be what it says.
    private func check(_ field: JSONField, _ normalizer: (any Normalizer)?) throws {
        let bytes = Array(content.utf8)
        guard !bytes.isEmpty, bytes.count <= TokenizerLimits.pieceBytes else {
            throw field.error(
                .invalidValue,
                "expected a token of 1 to \(TokenizerLimits.pieceBytes) bytes, found \(bytes.count)")
        }
        if isNormalized, let normalizer, normalizer.normalize(bytes[...]).isEmpty {
            throw field.error(.invalidValue, "nothing is left of the token \"\(content)\" after normalization")
        }
    }
}
