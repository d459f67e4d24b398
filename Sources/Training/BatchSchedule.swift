//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets

/// The global batches of one phase: step by step, a function of seed, phase and data.
package struct BatchSchedule: Sendable {
    private let examples: [TokenisedExample]
    private let order: EpochOrder
    private let shardTokens: Int
    private var permutation: (epoch: Int, positions: [Int])?

    /// - Parameter batchSize: Examples an optimiser step: what others call batch size times accumulation steps. The
    ///   loss is a mean over all of them, so accumulating or not makes no difference here.
    /// - Precondition: There is at least one example.
    package init(
        phase: Phase, examples: [TokenisedExample], batchSize: Int, shardTokens: Int, seed: UInt64
    ) {
        precondition(!examples.isEmpty, "a training on no example")
        self.examples = examples
        self.shardTokens = shardTokens
        order = EpochOrder(
            seed: seed, phase: phase.rawValue, exampleCount: examples.count, batchSize: batchSize)
    }

    /// Optimiser steps an epoch.
    package var stepsPerEpoch: Int { order.batchCount }

    /// Examples an epoch.
    package var exampleCount: Int { examples.count }

    /// The batch of the 0-based `step`, cut into shards.
    package mutating func work(step: Int) -> StepWork {
        let place = order.place(ofStep: step)
        if permutation?.epoch != place.epoch {
            permutation = (place.epoch, order.permutation(epoch: place.epoch))
        }
        let positions = permutation?.positions ?? []
        let batch = GlobalBatch(
            order, epoch: place.epoch, index: place.batch, permutation: positions, of: examples)
        return StepWork(
            kind: .train, step: step, shards: ShardPlan.shards(of: batch.examples, shardTokens: shardTokens))
    }
}
