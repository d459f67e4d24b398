//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A `tokenizer.json`: stages by name, each read by what is registered for the name.
///
/// A new family of tokenizers is an entry in one or more of these registries.
enum TokenizerDescription {
    typealias Reader<Stage> = @Sendable (JSONField) throws -> Stage

    static let models: [String: Reader<any PieceModel>] = [
        "BPE": { try BytePairModel(reading: $0) },
        "WordPiece": { try WordPiece(reading: $0) },
    ]
    static let postProcessors: [String: Reader<PairTemplate?>] = [
        "BertProcessing": { try PairTemplate(readingBert: $0) },
        "ByteLevel": { _ in nil },
        "RobertaProcessing": { try PairTemplate(readingRoberta: $0) },
        "Sequence": { try PairTemplate.reading(sequence: $0) },
        "TemplateProcessing": { try PairTemplate(readingTemplate: $0) },
    ]

    /// The tokenizer that the file describes.
    static func read(_ root: JSONField, configuration: TokenizerConfiguration) throws -> any Tokenizer {
        let model = try stage(try root.required("model"), models)
        let normalizer = try root.present("normalizer").map(normalizer)
        let preTokenizer = try root.present("pre_tokenizer").map(preTokenizer)
        let template = try root.present("post_processor").map(postProcessor) ?? nil
        let decoding = try root.present("decoder").map { try decoder($0) } ?? [SpacedDecoding()]
        if let bert = normalizer as? BertNormalizer {
            try configuration.checkAgreement(with: bert, file: root.file)
        }
        if let byteLevel = preTokenizer as? ByteLevelPreTokenizer {
            try configuration.checkAgreement(with: byteLevel, file: root.file)
        }
        let addedTokens = try root.present("added_tokens").map {
            try AddedToken.list(reading: $0, vocabulary: model.vocabulary, normalizer: normalizer)
        }
        func id(_ content: String) -> Int32? {
            addedTokens?.first { $0.content.utf8.elementsEqual(content.utf8) }?.id ?? model.vocabulary.id(of: content)
        }
        return PipelineTokenizer(
            addedTokens: addedTokens ?? [], normalizer: normalizer, preTokenizer: preTokenizer, model: model,
            truncation: Truncation(side: try configuration.truncationSide()),
            // `add_bos_token` and `add_eos_token` of tokenizer_config.json do not count beside tokenizer.json, as in
            // transformers.
            template: template ?? .bare,
            decoding: decoding,
            ends: (
                try configuration.specialToken("bos_token").flatMap(id),
                try configuration.specialToken("eos_token").flatMap(id)
            ))
    }

    /// What a `post_processor` adds; nil where it adds nothing.
    static func postProcessor(_ field: JSONField) throws -> PairTemplate? { try stage(field, postProcessors) }

    /// The elements of a `Sequence`, those of sequences within it included.
    static func flattened(_ field: JSONField, _ key: String) throws -> [JSONField] {
        guard !field.isNull, try field.member("type")?.string() == "Sequence" else { return [field] }
        let list = try field.required(key)
        let elements = try list.elements().flatMap { try flattened($0, key) }
        guard elements.count <= TokenizerLimits.stages else {
            throw list.error(
                .invalidValue, "expected at most \(TokenizerLimits.stages) stages, found \(elements.count)")
        }
        return elements
    }

    /// What is registered for the field's `type`.
    static func stage<Stage>(_ field: JSONField, _ registry: [String: Reader<Stage>]) throws -> Stage {
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
