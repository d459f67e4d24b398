//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A `vocab.txt`: one WordPiece a line, its id the line's number from 0.
///
/// How text is normalized stands in
/// `tokenizer_config.json`.
enum VocabularyFile {
    /// The classes that read their `vocab.txt` as BERT does.
    private static let classes = ["Bert", "DistilBert", "Electra", "MobileBert", "LayoutLM", "Lxmert", "Retribert"]
        .flatMap { ["\($0)Tokenizer", "\($0)TokenizerFast"] }

    /// The tokenizer of a folder without `tokenizer.json`.
    static func read(
        _ bytes: [UInt8], file: String, configuration: TokenizerConfiguration
    ) throws -> any Tokenizer {
        let root = try checked(configuration, file: file)
        let lowercases = try root.required("do_lower_case").boolean()
        let normalizer = BertNormalizer(
            cleansText: true,
            separatesIdeographs: try root.present("tokenize_chinese_chars")?.boolean() ?? true,
            stripsAccents: try root.present("strip_accents")?.boolean() ?? lowercases,
            lowercases: lowercases)

        let pieces = try pieces(of: bytes, file: file)
        let vocabulary = Vocabulary(pieces)
        /// A special token's text and id. Those that nothing adds by itself may be missing in the vocabulary.
        func special(_ key: String, _ usual: String) throws -> (content: String, id: Int32?) {
            let content = try configuration.specialToken(key) ?? usual
            guard !content.isEmpty else {
                throw TokenizerError(.invalidValue, "\(file): the folder's \"\(key)\" is an empty text")
            }
            return (content, vocabulary.id(of: content))
        }
        func needed(_ token: (content: String, id: Int32?)) throws -> Int32 {
            guard let id = token.id else {
                throw TokenizerError(.invalidValue, "\(file): lacks the special token \"\(token.content)\"")
            }
            return id
        }
        let unknown = try special("unk_token", "[UNK]")
        let separator = try special("sep_token", "[SEP]")
        let classifier = try special("cls_token", "[CLS]")
        let others = [try special("pad_token", "[PAD]"), try special("mask_token", "[MASK]")]
        var addedTokens: [AddedToken] = []
        for token in [unknown, separator, classifier] + others {
            guard let id = token.id, !addedTokens.contains(where: { $0.id == id }) else { continue }
            addedTokens.append(AddedToken(content: token.content, id: id))
        }
        return PipelineTokenizer(
            addedTokens: addedTokens,
            normalizer: normalizer,
            preTokenizer: BertPreTokenizer(),
            model: WordPiece(pieces: pieces, prefix: "##", unknownID: try needed(unknown), maximumWordLength: 100),
            truncation: Truncation(side: try configuration.truncationSide()),
            template: .bert(classifier: try needed(classifier), separator: try needed(separator)),
            decoding: [WordPieceDecoding(prefix: Array("##".utf8), cleansUp: true)],
            ends: (
                try configuration.specialToken("bos_token").flatMap(vocabulary.id(of:)),
                try configuration.specialToken("eos_token").flatMap(vocabulary.id(of:))
            ))
    }

    /// The configuration's content, if it is one that this reader understands.
    private static func checked(_ configuration: TokenizerConfiguration, file: String) throws -> JSONField {
        let remedy = "save the tokenizer with save_pretrained() to get a tokenizer.json"
        guard let root = configuration.root else {
            throw TokenizerError(
                .missingFile,
                "\(file): beside it, tokenizer_config.json with \"do_lower_case\" is missing: the vocabulary "
                    + "alone does not say whether text is lower-cased; or \(remedy)")
        }
        if let field = try root.present("tokenizer_class") {
            let name = try field.string()
            guard classes.contains(name) else {
                throw field.error(.unsupported, "\"\(name)\" is not supported with a vocab.txt; \(remedy)")
            }
        }
        if let field = try root.present("do_basic_tokenize"), try !field.boolean() {
            throw field.error(.unsupported, "false is not supported")
        }
        for key in ["added_tokens_decoder", "never_split"] {
            guard let field = try root.present(key) else { continue }
            if key == "never_split", try field.elements().isEmpty { continue }
            throw field.error(.unsupported, "not supported with a vocab.txt; \(remedy)")
        }
        if let file = configuration.addedTokensFile {
            throw TokenizerError(.unsupported, "\(file): not supported with a vocab.txt; \(remedy)")
        }
        return root
    }

    /// The pieces of the lines.
    static func pieces(of bytes: [UInt8], file: String) throws -> [(piece: [UInt8], id: Int32)] {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw TokenizerError(.malformedFile, "\(file): is not UTF-8")
        }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard !lines.isEmpty, lines.count <= TokenizerLimits.pieces else {
            throw TokenizerError(
                .malformedFile, "\(file): expected 1 to \(TokenizerLimits.pieces) lines, found \(lines.count)")
        }
        return try lines.enumerated().map { number, line in
            let piece = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard piece.count <= TokenizerLimits.pieceBytes else {
                throw TokenizerError(
                    .malformedFile, "\(file), line \(number + 1): a piece of \(piece.count) bytes is too long")
            }
            return (Array(piece), Int32(number))
        }
    }
}
