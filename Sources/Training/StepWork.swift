//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
package import Generation

/// One piece of work for the whole fleet: shards, and the exact counts that their sums are divided by.
package struct StepWork: Sendable {
    /// What is computed from each shard.
    package enum Kind: Sendable, Hashable, CaseIterable {
        /// Gradients, reduced over all shards, and one optimiser step.
        case train
        /// Squared norms of the LoRA outputs, reduced; the state stays as it is (Zhou et al., arXiv 2402.07721).
        case importance
        /// Gradients, reduced, and from them the saliency of every module; the state stays as it is.
        case gradientScore
        /// Logits of every example; nothing is reduced.
        case predict
        /// A text after every example, its prompt; nothing is reduced.
        case generate

        /// Whether everyone's sums are added up.
        package var isExchanged: Bool { self != .predict && self != .generate }
    }

    package let kind: Kind
    /// The 0-based optimiser step, or the number of the pass.
    package let step: Int
    /// Examples in all shards.
    package let exampleCount: Int
    /// Tokens in all shards.
    package let tokenCount: Int
    /// Losses in all shards: examples, or tokens of completions.
    package let lossCount: Int
    package let shards: [Shard]
    /// How texts are generated; nil in other work.
    package let generation: GenerationSettings?

    /// Work made of a batch's shards.
    package init(kind: Kind, step: Int, shards: [Shard], generation: GenerationSettings? = nil) {
        self.generation = generation
        self.kind = kind
        self.step = step
        self.shards = shards
        exampleCount = shards.reduce(0) { $0 + $1.examples.count }
        tokenCount = shards.reduce(0) { $0 + $1.tokenCount }
        lossCount = Self.lossCount(of: shards)
    }

    /// A part of a pass over more examples than one piece of work takes.
    ///
    /// Its sums are scaled by the whole pass, so that the parts' sums add up to the pass's.
    package init(kind: Kind, step: Int, shards: [Shard], ofExamples exampleCount: Int, tokens tokenCount: Int) {
        self.kind = kind
        self.step = step
        self.shards = shards
        self.exampleCount = exampleCount
        self.tokenCount = tokenCount
        generation = nil
        lossCount = Self.lossCount(of: shards)
    }

    /// At least 1: completions may all have been cut off.
    private static func lossCount(of shards: [Shard]) -> Int {
        max(1, shards.reduce(0) { $0 + $1.examples.reduce(0) { $0 + $1.lossCount } })
    }

    /// Examples and tokens of one piece of work: enough to keep all slots busy, few enough to fit into a message.
    private static let partLimits = (examples: 2048, tokens: 1 << 19)

    /// Cuts examples into the parts of a pass, in their order.
    package static func parts(of examples: [TokenisedExample]) -> [ArraySlice<TokenisedExample>] {
        var parts: [ArraySlice<TokenisedExample>] = []
        var start = 0
        var tokens = 0
        for place in examples.indices {
            let count = examples[place].tokenIDs.count
            if place - start == partLimits.examples || place > start && tokens + count > partLimits.tokens {
                parts.append(examples[start..<place])
                (start, tokens) = (place, 0)
            }
            tokens += count
        }
        return start < examples.count ? parts + [examples[start...]] : parts
    }

    /// The places in the file of all examples, shard by shard.
    package var exampleIDs: [UInt32] {
        shards.flatMap { shard in shard.examples.map { UInt32($0.index) } }
    }

    /// What everyone has to know of the work, whoever computes which shard.
    package var header: StepHeader {
        StepHeader(
            kind: kind, step: step, shardCount: shards.count, exampleCount: exampleCount, tokenCount: tokenCount,
            lossCount: lossCount)
    }
}

/// The facts of a piece of work that decide its arithmetic, without the shards.
package struct StepHeader: Hashable, Sendable {
    package let kind: StepWork.Kind
    package let step: Int
    package let shardCount: Int
    package let exampleCount: Int
    package let tokenCount: Int
    /// What gradients and losses are means over: examples, or tokens of completions.
    package let lossCount: Int

    /// - Parameter lossCount: Nil: as many as examples.
    package init(
        kind: StepWork.Kind, step: Int, shardCount: Int, exampleCount: Int, tokenCount: Int, lossCount: Int? = nil
    ) {
        self.lossCount = lossCount ?? exampleCount
        self.kind = kind
        self.step = step
        self.shardCount = shardCount
        self.exampleCount = exampleCount
        self.tokenCount = tokenCount
    }
}
