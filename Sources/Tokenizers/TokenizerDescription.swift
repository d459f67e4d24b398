//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A `tokenizer.json`: stages by name, each read by what is registered for the name.
///
/// A new family of tokenizers is an entry in one or more of these registries.
enum TokenizerDescription {
    typealias Reader<Stage> = @Sendable (JSONField) throws -> Stage

    static let models: [String: Reader<any PieceModel>] = ["WordPiece": { try WordPiece(reading: $0) }]
    static let normalizers: [String: Reader<any Normalizer>] = ["BertNormalizer": { try BertNormalizer(reading: $0) }]
    static let preTokenizers: [String: Reader<any PreTokenizer>] = ["BertPreTokenizer": { _ in BertPreTokenizer() }]
    static let postProcessors: [String: Reader<PairTemplate>] = [
        "TemplateProcessing": { try PairTemplate(readingTemplate: $0) },
        "BertProcessing": { try PairTemplate(readingBert: $0) },
    ]

    /// The tokenizer that the file describes.
    static func read(_ root: JSONField, configuration: TokenizerConfiguration) throws -> any Tokenizer {
        let model = try stage(try root.required("model"), models)
        let normalizer = try root.present("normalizer").map { try stage($0, normalizers) }
        let preTokenizer = try stage(try root.required("pre_tokenizer"), preTokenizers)
        let template = try root.present("post_processor").map { try stage($0, postProcessors) } ?? .bare
        if let bert = normalizer as? BertNormalizer {
            try configuration.checkAgreement(with: bert, file: root.file)
        }
        let addedTokens = try root.present("added_tokens").map {
            try AddedToken.list(reading: $0, vocabulary: model.vocabulary, normalizer: normalizer)
        }
        return PipelineTokenizer(
            addedTokens: addedTokens ?? [], normalizer: normalizer, preTokenizer: preTokenizer, model: model,
            truncation: Truncation(side: try configuration.truncationSide()), template: template)
    }

    /// What is registered for the field's `type`.
    private static func stage<Stage>(_ field: JSONField, _ registry: [String: Reader<Stage>]) throws -> Stage {
        guard !field.isNull else {
            throw field.error(.unsupported, "is null; supported: \(registry.keys.sorted().joined(separator: ", "))")
        }
        let type = try field.required("type").string()
        guard let read = registry[type] else {
            throw field.error(
                .unsupported,
                "a tokenizer with \"\(type)\" is not supported; supported here: "
                    + registry.keys.sorted().joined(separator: ", "))
        }
        return try read(field)
    }
}

extension WordPiece {
    /// The `model` of a `tokenizer.json`.
    init(reading field: JSONField) throws {
        let vocabulary = try field.required("vocab")
        let members = try vocabulary.members()
        guard !members.isEmpty, members.count <= TokenizerLimits.pieces else {
            throw vocabulary.error(
                .invalidValue, "expected 1 to \(TokenizerLimits.pieces) pieces, found \(members.count)")
        }
        var pieces: [(piece: [UInt8], id: Int32)] = []
        pieces.reserveCapacity(members.count)
        for (piece, id) in members {
            guard piece.utf8.count <= TokenizerLimits.pieceBytes else {
                throw vocabulary.error(.invalidValue, "a piece of \(piece.utf8.count) bytes is too long")
            }
            pieces.append((Array(piece.utf8), try id.tokenID()))
        }
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

extension PairTemplate {
    /// A `post_processor` of type `BertProcessing`: `"sep": ["[SEP]", 102], "cls": ["[CLS]", 101]`.
    init(readingBert field: JSONField) throws {
        func id(_ key: String) throws -> Int32 {
            let field = try field.required(key)
            let elements = try field.elements()
            guard elements.count == 2 else {
                throw field.error(.invalidValue, "expected a token and its id, found \(field.kind)")
            }
            return try elements[1].tokenID()
        }
        self = .bert(classifier: try id("cls"), separator: try id("sep"))
    }

    /// A `post_processor` of type `TemplateProcessing`.
    init(readingTemplate field: JSONField) throws {
        let specialTokens = try field.required("special_tokens")
        func pieces(_ key: String, texts: [Int]) throws -> [Piece] {
            let list = try field.required(key)
            let pieces = try list.elements().map { try Self.piece(reading: $0, specialTokens) }
            guard PairTemplate.texts(in: pieces) == texts else {
                throw list.error(
                    .unsupported, texts == [1, 0] ? "expected the text A once" : "expected the texts A and B once each")
            }
            return pieces
        }
        self.init(single: try pieces("single", texts: [1, 0]), pair: try pieces("pair", texts: [1, 1]))
    }

    private static func piece(reading field: JSONField, _ specialTokens: JSONField) throws -> Piece {
        func typeID(_ field: JSONField) throws -> Int32 {
            Int32(try field.required("type_id").integer(in: 0...TokenizerLimits.tokenTypeID))
        }
        if let sequence = try field.member("Sequence") {
            let id = try sequence.required("id")
            switch try id.string() {
            case "A": return .first(typeID: try typeID(sequence))
            case "B": return .second(typeID: try typeID(sequence))
            default: throw id.error(.invalidValue, "expected \"A\" or \"B\", found \(id.kind)")
            }
        }
        if let special = try field.member("SpecialToken") {
            let id = try special.required("id")
            guard let token = try specialTokens.member(try id.string()) else {
                throw id.error(.invalidValue, "\(id.kind) is not among the special_tokens")
            }
            return .special(
                ids: try token.required("ids").elements().map { try $0.tokenID() }, typeID: try typeID(special))
        }
        throw field.error(.unsupported, "expected a \"Sequence\" or a \"SpecialToken\", found \(field.kind)")
    }
}
