//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Token sequences laid end to end, without padding.
///
/// Positions start at 0 in each. What it holds may have come from a peer: `SequenceClassifier.check(_:)` says whether
/// a model can compute it.
package struct PackedSequences: Sendable, Hashable {
    /// One id a token.
    package var tokenIDs: [Int32]
    /// One type a token (0 for the first text, 1 for the second).
    package var tokenTypeIDs: [Int32]
    /// Where each example starts, and behind the last one where it ends: exampleCount + 1 numbers.
    package var starts: [Int]
    /// Each example's number in the data set, which dropout is drawn by.
    package var exampleIDs: [UInt32]

    package init(tokenIDs: [Int32], tokenTypeIDs: [Int32], starts: [Int], exampleIDs: [UInt32]) {
        self.tokenIDs = tokenIDs
        self.tokenTypeIDs = tokenTypeIDs
        self.starts = starts
        self.exampleIDs = exampleIDs
    }

    package var exampleCount: Int { exampleIDs.count }
    package var tokenCount: Int { tokenIDs.count }
}

/// Which example's tokens the rows of an activation are: rows `starts[e]..<starts[e + 1]` are consecutive tokens of
/// example e.
///
/// All tokens, or those whose results somebody reads.
struct RowLayout {
    let starts: [Int]
    let exampleIDs: [UInt32]
    /// The position of each example's first row; nil: 0 for all.
    let firstPositions: [Int]?

    init(starts: [Int], exampleIDs: [UInt32], firstPositions: [Int]? = nil) {
        self.starts = starts
        self.exampleIDs = exampleIDs
        self.firstPositions = firstPositions
    }

    func firstPosition(of example: Int) -> Int { firstPositions?[example] ?? 0 }

    var rowCount: Int { starts[starts.count - 1] }
    var exampleCount: Int { exampleIDs.count }

    func rows(of example: Int) -> Range<Int> {
        starts[example]..<starts[example + 1]
    }
}

extension PackedSequences {
    /// All tokens.
    var allTokens: RowLayout { RowLayout(starts: starts, exampleIDs: exampleIDs) }

    /// Each example's first token.
    var firstTokens: RowLayout { RowLayout(starts: Array(0...exampleCount), exampleIDs: exampleIDs) }
}
