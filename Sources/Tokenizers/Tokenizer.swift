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
}

extension Tokenizer {
    /// The token ids of a single text.
    package func encode(_ text: String, maximumLength: Int) throws -> Encoding {
        try encode(text, pair: nil, maximumLength: maximumLength)
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
