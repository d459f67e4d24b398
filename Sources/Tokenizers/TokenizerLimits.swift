//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How large a tokenizer's files may be: well above every published model, well below what would exhaust memory.
enum TokenizerLimits {
    /// Bytes of one file.
    static let fileBytes = 64 << 20
    /// The highest token id.
    static let highestTokenID = 1 << 24
    /// Pieces of a vocabulary.
    static let pieces = 1 << 24
    /// Added tokens.
    static let addedTokens = 1 << 14
    /// Bytes of one piece or added token.
    static let pieceBytes = 1 << 16
    /// The highest `max_input_chars_per_word`: cutting a word takes time that grows with its square.
    static let wordLength = 1000
    /// The highest token type id.
    static let tokenTypeID = 1 << 16
    /// Stages of a `Sequence`.
    static let stages = 16
    /// How many times longer a text may become by all replacements of a `Sequence` together.
    static let growth = 1 << 10
    /// The most characters that a `Strip` decoder takes from an end.
    static let strippedCharacters = 1 << 10
}
