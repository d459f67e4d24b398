//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Rewrites text before it is cut into words.
///
/// Text is UTF-8 bytes, always valid.
protocol Normalizer: Sendable {
    /// The text as the model wants it.
    func normalize(_ text: ArraySlice<UInt8>) -> [UInt8]
}

/// Cuts a word into the pieces of a vocabulary.
protocol PieceModel: Sendable {
    /// The vocabulary.
    var vocabulary: Vocabulary { get }

    /// Appends the ids of the word at `word` of `text`.
    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int32])
}

/// A tokenizer made of the stages that Hugging Face's `tokenizers` has: added tokens, normalizer, pre-tokenizer, model,
/// truncation and template.
///
/// A family of tokenizers is a choice of stages.
struct PipelineTokenizer: Tokenizer {
    let addedTokens: AddedTokens
    /// Nil where text is taken as it is.
    let normalizer: (any Normalizer)?
    /// Nil where a text is one word.
    let preTokenizer: (any PreTokenizer)?
    let model: any PieceModel
    let truncation: Truncation
    let template: PairTemplate
    let vocabularySize: Int
    let startTokenID: Int32?
    let endTokenID: Int32?
    private let decodedPieces: DecodedPieces
    private let addedIDs: [[UInt8]: Int32]
    private let decoding: [any DecodingStage]

    init(
        addedTokens: [AddedToken], normalizer: (any Normalizer)?, preTokenizer: (any PreTokenizer)?,
        model: any PieceModel, truncation: Truncation, template: PairTemplate, decoding: [any DecodingStage],
        ends: (start: Int32?, end: Int32?)
    ) {
        self.addedTokens = AddedTokens(addedTokens, normalizer: normalizer)
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.model = model
        self.truncation = truncation
        self.template = template
        self.decoding = decoding
        (startTokenID, endTokenID) = ends
        decodedPieces = DecodedPieces(model.vocabulary, added: addedTokens, normalizer: normalizer)
        addedIDs = Dictionary(
            addedTokens.map { (Array($0.content.utf8), $0.id) }, uniquingKeysWith: { first, _ in first })
        let highest = max(
            model.vocabulary.highestID, addedTokens.map(\.id).max() ?? 0, template.highestSpecialID)
        vocabularySize = Int(highest) + 1
    }

    func encode(_ text: String, pair: String?, maximumLength: Int) throws -> Encoding {
        let special = template.specialTokenCount(isPair: pair != nil)
        guard maximumLength >= max(special, 1) else {
            throw TokenizerError(
                .maximumLength,
                "a maximum length of \(maximumLength) has no room for the \(special) special tokens of "
                    + (pair == nil ? "a text" : "a pair of texts") + "; allow at least \(special + 1)")
        }
        var first = tokenIDs(of: text)
        var second = pair.map(tokenIDs(of:)) ?? []
        let wasTruncated = truncation.cut(&first, &second, to: maximumLength - special)
        return template.join(first, pair == nil ? nil : second, wasTruncated: wasTruncated)
    }

    func tokenIDs(of text: String) -> [Int32] {
        let bytes = Array(text.utf8)
        var ids: [Int32] = []
        ids.reserveCapacity(bytes.count / 3 + 4)
        for segment in addedTokens.raw.segments(of: bytes) {
            switch segment {
            case .token(let id): ids.append(id)
            case .text(let range): append(bytes[range], isStart: range.lowerBound == 0, to: &ids)
            }
        }
        return ids
    }

    private func append(_ text: ArraySlice<UInt8>, isStart: Bool, to ids: inout [Int32]) {
        let normalized = normalizer?.normalize(text) ?? Array(text)
        let isStart = isStart && preTokenizer?.looksAtStart == true && keepsStart(of: text)
        for segment in addedTokens.normalized.segments(of: normalized) {
            switch segment {
            case .token(let id): ids.append(id)
            case .text(let range):
                var stretch = WordStretch(text: normalized, words: [range], startsText: isStart)
                preTokenizer?.cut(&stretch)
                for word in stretch.words { model.append(word, of: stretch.text, to: &ids) }
            }
        }
    }

    /// Whether something of a text's first scalar is left by the normalizer: `tokenizers` counts places in the text as
    /// given, and where the beginning is dropped no word is at the text's start.
    private func keepsStart(of text: ArraySlice<UInt8>) -> Bool {
        guard let normalizer, let first = String(decoding: text, as: UTF8.self).unicodeScalars.first else {
            return true
        }
        return !normalizer.normalize(UTF8Coding.bytes(of: first.value)[...]).isEmpty
    }

    func tokenID(of token: String) -> Int32? {
        addedIDs[Array(token.utf8)] ?? model.vocabulary.id(of: token)
    }

    func textStream(skippingSpecialTokens: Bool) -> TextStream {
        TextStream(decodedPieces, stages: decoding, skippingSpecialTokens: skippingSpecialTokens)
    }
}
