//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a row of a data file says about its text.
package enum Label: Sendable, Hashable {
    /// A class by its name, as the file spells it.
    case category(String)
    /// A finite number.
    case score(Float)
}

/// One row of a data file.
package struct Example: Sendable, Hashable {
    /// The row's place among the rows of its file, from 0; a header is no row.
    package let index: UInt32
    package let text: String
    /// The second text; nil where the task has one text a row.
    package let pair: String?
    /// Nil where the file is only to be predicted.
    package let label: Label?

    package init(index: UInt32, text: String, pair: String? = nil, label: Label? = nil) {
        self.index = index
        self.text = text
        self.pair = pair
        self.label = label
    }
}

/// The rows of a data file, in its order.
package struct Dataset: Sendable {
    /// The file, as the user named it.
    package let source: String
    package let examples: [Example]
    /// The line of the file that each example starts at, from 1.
    package let lines: [Int]

    /// - Precondition: one line an example.
    package init(source: String, examples: [Example], lines: [Int]) {
        precondition(examples.count == lines.count, "\(examples.count) examples and \(lines.count) line numbers")
        self.source = source
        self.examples = examples
        self.lines = lines
    }
}

/// What a training step compares a prediction with.
package enum Target: Sendable, Hashable {
    case none
    /// A place in the list of labels, from 0.
    case classIndex(Int)
    case score(Float)
    /// The tokens from this place on, which a language model is to say after those before.
    case completion(first: Int)
}

/// A row as the model reads it: what the coordinator sends to workers.
package struct TokenisedExample: Sendable, Hashable {
    /// The row's place in its file, from 0.
    package let index: UInt32
    package let tokenIDs: [Int32]
    /// The segment of each token, 0 or 1.
    package let tokenTypeIDs: [Int32]
    package let target: Target

    /// - Precondition: one type a token.
    package init(index: UInt32, tokenIDs: [Int32], tokenTypeIDs: [Int32], target: Target) {
        precondition(
            tokenIDs.count == tokenTypeIDs.count,
            "example \(index): \(tokenIDs.count) tokens and \(tokenTypeIDs.count) token types")
        self.index = index
        self.tokenIDs = tokenIDs
        self.tokenTypeIDs = tokenTypeIDs
        self.target = target
    }

    /// The place of the completion's first token; where nobody says, all but a text's first token is a completion.
    package var completionStart: Int {
        if case .completion(let first) = target { first } else { 1 }
    }

    /// Losses that the example adds: its completion's tokens, without one that is a text's first, which nothing
    /// predicts; in other tasks 1.
    package var lossCount: Int {
        if case .completion(let first) = target { max(0, tokenIDs.count - max(first, 1)) } else { 1 }
    }
}
