//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import LoRA
import Synchronization
import Testing
import Training
import Transformer

/// Of a large model a shard takes minutes, so a worker tells of every layer that one went through.
@Suite("Progress within shards")
struct LayerProgressTests {
    /// The layers that were told of, by all slots.
    private final class Counter: Sendable {
        private let told = Mutex(0)

        func count() { told.withLock { $0 += 1 } }

        func during(_ work: () throws -> Void) rethrows -> Int {
            let before = told.withLock { $0 }
            try work()
            return told.withLock { $0 } - before
        }
    }

    private func expectLayers(
        _ layerCount: Int, told counter: Counter, by trainer: PhaseTrainer, of shards: [Shard]
    ) throws {
        let forward = layerCount * shards.count
        func sums(_ kind: StepWork.Kind) throws {
            _ = try trainer.localSums(StepWork(kind: kind, step: 0, shards: shards).header, shards: shards)
        }
        #expect(try counter.during { try sums(.train) } == 2 * forward)
        #expect(try counter.during { try sums(.importance) } == forward)
        #expect(try counter.during { try trainer.predict(shards) { _, _, _ in } } == forward)
    }

    @Test("an encoder tells of each layer of each shard", arguments: [1, 3])
    func encoder(slots: Int) throws {
        let training = try TestTraining()
        let counter = Counter()
        let trainer = try training.trainer(slots: slots, layerDone: counter.count)
        let shards = ShardPlan.shards(of: training.examples, shardTokens: 32)
        #expect(shards.count > 5)
        try expectLayers(3, told: counter, by: trainer, of: shards)
    }

    @Test("a decoder does, with activations kept or computed again", arguments: [false, true])
    func decoder(recomputes: Bool) throws {
        let base = try BaseModel(folder: Vectors.model("decoders/qwen3"), trainPooler: false)
        let trainable = try base.trainable(
            lora: LoRASettings(adapterRank: 2, alpha: 4, targetModules: []), labelCount: 0, sharing: .trained)
        var settings = TestTraining.settings(loss: .completion)
        settings.recomputes = recomputes
        let counter = Counter()
        let trainer = try PhaseTrainer(
            model: base.model, settings: settings, trainable: trainable,
            setup: PhaseSetup(phase: .fineTune, totalSteps: 1, assignment: trainable.allOwn, state: nil),
            pool: SlotPool(slotCount: 2), layerDone: counter.count)
        let examples = (0..<12).map { (index: Int) -> TokenisedExample in
            let tokens = (0..<9).map { (place: Int) -> Int32 in Int32((index * 13 + place * 5) % 59) }
            return TokenisedExample(
                index: UInt32(index), tokenIDs: tokens, tokenTypeIDs: tokens.map { _ in 0 },
                target: .completion(first: 3))
        }
        try expectLayers(3, told: counter, by: trainer, of: ShardPlan.shards(of: examples, shardTokens: 24))
    }
}
