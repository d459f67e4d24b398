//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets

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
    }

    package let kind: Kind
    /// The 0-based optimiser step, or the number of the pass.
    package let step: Int
    /// Examples in all shards.
    package let exampleCount: Int
    /// Tokens in all shards.
    package let tokenCount: Int
    package let shards: [Shard]

    /// Work made of a batch's shards.
    package init(kind: Kind, step: Int, shards: [Shard]) {
        self.kind = kind
        self.step = step
        self.shards = shards
        exampleCount = shards.reduce(0) { $0 + $1.examples.count }
        tokenCount = shards.reduce(0) { $0 + $1.tokenCount }
    }

    /// What everyone has to know of the work, whoever computes which shard.
    package var header: StepHeader {
        StepHeader(
            kind: kind, step: step, shardCount: shards.count, exampleCount: exampleCount, tokenCount: tokenCount)
    }
}

/// The facts of a piece of work that decide its arithmetic, without the shards.
package struct StepHeader: Hashable, Sendable {
    package let kind: StepWork.Kind
    package let step: Int
    package let shardCount: Int
    package let exampleCount: Int
    package let tokenCount: Int

    package init(kind: StepWork.Kind, step: Int, shardCount: Int, exampleCount: Int, tokenCount: Int) {
        self.kind = kind
        self.step = step
        self.shardCount = shardCount
        self.exampleCount = exampleCount
        self.tokenCount = tokenCount
    }
}
