//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a training step reads of one example, in tokens.
struct TokenReads: Sendable {
    /// How many of the example's tokens, from its first one, anything depends on.
    let tokenCount: Int
    /// The tokens whose output of the last layer is read.
    let outputs: Range<Int>
    /// Whether a token reads only itself and what stands before it.
    let looksBackOnly: Bool

    /// An encoder's classifier reads the first token, which reads all.
    static func firstToken(length: Int) -> TokenReads {
        TokenReads(tokenCount: length, outputs: 0..<min(1, length), looksBackOnly: false)
    }

    /// A decoder's classifier reads the last token.
    static func lastToken(length: Int) -> TokenReads {
        TokenReads(tokenCount: length, outputs: max(0, length - 1)..<length, looksBackOnly: true)
    }

    /// A language model learns a completion: each of its tokens is predicted by the one before it, and the last one
    /// predicts nothing.
    /// - Parameter first: The completion's first token.
    static func completion(length: Int, first: Int) -> TokenReads {
        let end = max(0, length - 1)
        let outputs = min(max(first, 1) - 1, end)..<end
        return TokenReads(tokenCount: outputs.isEmpty ? 0 : end, outputs: outputs, looksBackOnly: true)
    }

    /// Pairs of a query and a key that it reads.
    /// - Parameters:
    ///   - isLastLayer: There only the outputs have queries.
    ///   - window: How many tokens a token looks back at most, itself among them; nil: all.
    func pairCount(isLastLayer: Bool, window: Int?) -> Int {
        let queries = isLastLayer ? outputs : 0..<tokenCount
        guard looksBackOnly else { return queries.count * tokenCount }
        return queries.reduce(0) { $0 + min($1 + 1, window ?? tokenCount) }
    }
}
