//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Text from token ids as they come, for generation.
///
/// What is put out is never taken back: the beginning of a character waits for its rest. All that ``append(_:)`` and
/// ``finish()`` give, one after the other, is what decoding all ids at once gives.
package struct TextStream: Sendable {
    private let pieces: DecodedPieces
    private let skipsSpecialTokens: Bool
    private var stages: [any DecodingStage]

    init(_ pieces: DecodedPieces, stages: [any DecodingStage], skippingSpecialTokens: Bool) {
        self.pieces = pieces
        self.stages = stages
        skipsSpecialTokens = skippingSpecialTokens
    }

    /// The text that follows for sure from one more token; an id that no token has gives none.
    package mutating func append(_ id: Int32) -> String {
        guard let piece = pieces.piece(of: id, skippingSpecialTokens: skipsSpecialTokens) else { return "" }
        return String(decoding: pass([piece], from: 0).joined(), as: UTF8.self)
    }

    /// The rest of the text, U+FFFD for a character that is not complete; afterwards the stream is at its end.
    package mutating func finish() -> String {
        var rest: [UInt8] = []
        for index in stages.indices {
            var output: [[UInt8]] = []
            stages[index].finish(to: &output)
            rest.append(contentsOf: pass(output, from: index + 1).joined())
        }
        return String(decoding: rest, as: UTF8.self)
    }

    private mutating func pass(_ input: [[UInt8]], from start: Int) -> [[UInt8]] {
        var pieces = input
        for index in stages.indices.dropFirst(start) where !pieces.isEmpty {
            var output: [[UInt8]] = []
            for piece in pieces { stages[index].feed(piece, to: &output) }
            pieces = output
        }
        return pieces
    }
}

/// The text of every token.
struct DecodedPieces: Sendable {
    private let vocabulary: Vocabulary
    /// The added tokens' texts, and whether a text without special tokens lacks them.
    private let added: [Int32: (text: [UInt8], isSkipped: Bool)]

    /// - Parameter tokens: with different ids. One that is looked for in normalized text is decoded from its normalized
    ///   form, and is skipped only where that is a special token's text: `tokenizers` does so from 0.23 on.
    init(_ vocabulary: Vocabulary, added tokens: [AddedToken], normalizer: (any Normalizer)?) {
        self.vocabulary = vocabulary
        let special = Set(tokens.filter(\.isSpecial).map { Array($0.content.utf8) })
        var added: [Int32: (text: [UInt8], isSkipped: Bool)] = [:]
        for token in tokens {
            var text = Array(token.content.utf8)
            if token.isNormalized, let normalizer { text = normalizer.normalize(text[...]) }
            added[token.id] = (text, special.contains(text))
        }
        self.added = added
    }

    /// A token's text; nil where no token has the id, or where it is special and those are skipped.
    func piece(of id: Int32, skippingSpecialTokens: Bool) -> [UInt8]? {
        guard let (text, isSkipped) = added[id] else { return vocabulary.piece(of: id).map { Array($0) } }
        return skippingSpecialTokens && isSkipped ? nil : text
    }
}
