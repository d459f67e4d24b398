//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness

/// The order in which an epoch visits its examples: a function of seed, phase and epoch, and of nobody's state.
package struct EpochOrder: Sendable, Hashable {
    package let seed: UInt64
    /// Tells the probe from the fine-tuning, which shuffle differently.
    package let phase: UInt32
    package let exampleCount: Int
    /// Examples a batch; the last batch of an epoch has what is left.
    package let batchSize: Int

    /// - Precondition: at least one example a batch, none negative.
    package init(seed: UInt64, phase: UInt32, exampleCount: Int, batchSize: Int) {
        precondition(exampleCount >= 0 && batchSize > 0, "\(exampleCount) examples in batches of \(batchSize)")
        self.seed = seed
        self.phase = phase
        self.exampleCount = exampleCount
        self.batchSize = batchSize
    }

    /// The batches of every epoch: none of its examples is dropped, none repeated.
    package var batchCount: Int {
        (exampleCount + batchSize - 1) / batchSize
    }

    /// All positions in the order of `epoch`, counted from 0.
    package func permutation(epoch: Int) -> [Int] {
        RandomStream(seed: seed, purpose: .shuffle, phase: phase, index: UInt32(epoch)).permutation(count: exampleCount)
    }

    /// The positions of one batch, out of the permutation of its epoch.
    package func positions(ofBatch index: Int, in permutation: [Int]) -> ArraySlice<Int> {
        precondition(index >= 0 && index < batchCount, "batch \(index) of \(batchCount)")
        precondition(permutation.count == exampleCount, "\(permutation.count) places for \(exampleCount) examples")
        return permutation[(index * batchSize)..<min((index + 1) * batchSize, exampleCount)]
    }

    /// The batch of an update step, counted from 0 over all epochs, with its epoch and place in it.
    package func place(ofStep step: Int) -> (epoch: Int, batch: Int) {
        precondition(step >= 0 && batchCount > 0, "step \(step) over \(batchCount) batches an epoch")
        return (step / batchCount, step % batchCount)
    }
}

/// The examples of one update step, whoever computes them.
package struct GlobalBatch: Sendable, Hashable {
    /// From 0.
    package let epoch: Int
    /// The place in the epoch, from 0.
    package let index: Int
    package let examples: [TokenisedExample]

    package init(epoch: Int, index: Int, examples: [TokenisedExample]) {
        self.epoch = epoch
        self.index = index
        self.examples = examples
    }

    /// Batch `index` of `epoch`; `permutation` is the epoch's own, made once.
    package init(_ order: EpochOrder, epoch: Int, index: Int, permutation: [Int], of examples: [TokenisedExample]) {
        precondition(examples.count == order.exampleCount, "\(examples.count) of \(order.exampleCount) examples")
        self.init(
            epoch: epoch, index: index,
            examples: order.positions(ofBatch: index, in: permutation).map { examples[$0] })
    }

    /// The tokens of all examples: there is no padding to count.
    package var tokenCount: Int {
        examples.reduce(0) { $0 + $1.tokenIDs.count }
    }
}
