//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How a text is gone on with.
package struct GenerationSettings: Sendable, Hashable {
    package enum Strategy: Sendable, Hashable {
        /// The likeliest token each time.
        case greedy
        /// The text with the best sum of log-probabilities, divided by length^penalty, that `count` beams find; as
        /// transformers searches.
        /// - `stopsEarly`: Ends as soon as `count` texts have ended.
        case beams(count: Int, lengthPenalty: Double, stopsEarly: Bool)
        /// Tokens drawn from softmax(logits / temperature), of the likeliest that together reach `topP`.
        case sampled(temperature: Double, topP: Double, seed: UInt64)
    }

    package var strategy: Strategy
    /// The most tokens behind a prompt, the ending one among them.
    package var newTokens: Int
    /// Tokens that end a text.
    package var endTokens: [Int32]

    /// - Throws: `GenerationError` for numbers that mean nothing.
    package init(strategy: Strategy, newTokens: Int, endTokens: [Int32]) throws(GenerationError) {
        self.strategy = strategy
        self.newTokens = newTokens
        self.endTokens = endTokens
        func refuse(_ reason: String) -> GenerationError { GenerationError(.badRequest, reason) }
        guard newTokens > 0 else {
            throw refuse("generation.new_tokens is \(newTokens), expected at least 1")
        }
        switch strategy {
        case .greedy: break
        case .beams(let count, let penalty, _):
            guard (1...64).contains(count), penalty.isFinite else {
                throw refuse("\(count) beams with a length penalty of \(penalty), expected 1 to 64 and a number")
            }
        case .sampled(let temperature, let topP, _):
            guard temperature > 0, temperature.isFinite, topP > 0, topP <= 1 else {
                throw refuse(
                    "a temperature of \(temperature) and a top-p of \(topP), expected more than 0 and within (0, 1]")
            }
        }
    }
}

/// What a text is generated from.
package struct Prompt: Sendable, Hashable {
    /// Its number in the file, which draws are keyed by.
    package let index: UInt32
    /// At least one token.
    package let tokenIDs: [Int32]

    package init(index: UInt32, tokenIDs: [Int32]) {
        self.index = index
        self.tokenIDs = tokenIDs
    }
}
