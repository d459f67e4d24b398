//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Turns text into the token ids of one pre-trained model.
///
/// A tokenizer is read from a model folder by ``TokenizerFolder``. It never pads.
package protocol Tokenizer: Sendable {
    /// One more than the highest id that ``encode(_:pair:maximumLength:)`` can give: the least number of rows that the
    /// model's word embeddings must have.
    var vocabularySize: Int { get }

    /// The token ids of a text, or of a pair of texts, with the model's special tokens around them.
    ///
    /// - Parameters:
    ///   - text: the first text; an empty one gives the special tokens alone.
    ///   - pair: the second text of a pair.
    ///   - maximumLength: the most token ids to return, special tokens included. Longer input is cut longest-first: the
    ///     longer text loses tokens until both are equally long, then both, the first one first.
    /// - Throws: ``TokenizerError`` with code `maximumLength` where not even the special tokens fit.
    func encode(_ text: String, pair: String?, maximumLength: Int) throws -> Encoding

    /// The token ids of a text alone: no special tokens around it, and never cut.
    func tokenIDs(of text: String) -> [Int32]

    /// The id of a token, given by its text as it stands in the tokenizer's files.
    func tokenID(of token: String) -> Int32?

    /// The token that begins a text, as the folder names it (`bos_token`); nil where it names none.
    var startTokenID: Int32? { get }

    /// The token that ends a text, as the folder names it (`eos_token`); nil where it names none.
    var endTokenID: Int32? { get }

    /// The text of token ids as they come.
    ///
    /// - Parameter skippingSpecialTokens: whether special tokens leave no trace in the text.
    func textStream(skippingSpecialTokens: Bool) -> TextStream
}

extension Tokenizer {
    /// The token ids of a single text.
    package func encode(_ text: String, maximumLength: Int) throws -> Encoding {
        try encode(text, pair: nil, maximumLength: maximumLength)
    }

    /// The text of token ids, as Hugging Face's `tokenizers` decodes them: an id that no token has is passed over.
    ///
    /// Nothing is cleaned up: transformers' `clean_up_tokenization_spaces` is not done.
    package func decode(_ ids: some Sequence<Int32>, skippingSpecialTokens: Bool) -> String {
        var stream = textStream(skippingSpecialTokens: skippingSpecialTokens)
        var text = ""
        for id in ids { text += stream.append(id) }
        return text + stream.finish()
    }
}

/// What a tokenizer made of a text or a pair.
package struct Encoding: Sendable, Hashable {
    /// The token ids, special tokens included.
    package var tokenIDs: [Int32]
    /// For every token, which text it belongs to as the model's token type embeddings count: as many as `tokenIDs`.
    package var tokenTypeIDs: [Int32]
    /// Whether tokens were cut off to keep to the maximum length.
    package var wasTruncated: Bool

    package init(tokenIDs: [Int32], tokenTypeIDs: [Int32], wasTruncated: Bool) {
        precondition(
            tokenIDs.count == tokenTypeIDs.count,
            "\(tokenIDs.count) token ids with \(tokenTypeIDs.count) token type ids")
        self.tokenIDs = tokenIDs
        self.tokenTypeIDs = tokenTypeIDs
        self.wasTruncated = wasTruncated
    }
}
