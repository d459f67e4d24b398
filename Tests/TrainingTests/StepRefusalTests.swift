//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import ExactSums
import LoRA
import Testing
import Training
import Transformer

@Suite("A step that cannot be right is refused, and the state stays")
struct StepRefusalTests {
    @Test("a shard that was left out or counted twice is named, and the step can be done again")
    func lanes() throws {
        let training = try TestTraining()
        let trainer = try training.trainer(slots: 2)
        var batches = training.batches()
        let work = batches.work(step: 0)
        #expect(work.shards.count > 3)
        let start = trainer.state
        let complete = try trainer.localSums(work.header, shards: work.shards)

        let missing = try trainer.localSums(work.header, shards: work.shards.filter { $0.index != 2 })
        let first = refusal { _ = try trainer.commit(missing, work.header) }
        #expect(first?.code == .shardsMiscounted)
        #expect(first?.message.contains("shard 2 was counted 0 times") == true)
        #expect(trainer.state == start)

        var doubled = complete
        doubled.add(try trainer.localSums(work.header, shards: [work.shards[1]]))
        let second = refusal { _ = try trainer.commit(doubled, work.header) }
        #expect(second?.code == .shardsMiscounted)
        #expect(second?.message.contains("shard 1 was counted 2 times") == true)
        #expect(trainer.state == start)

        // One left out and another twice: the sum of the counts would not tell.
        var swapped = missing
        swapped.add(try trainer.localSums(work.header, shards: [work.shards[0]]))
        #expect(refusal { _ = try trainer.commit(swapped, work.header) }?.code == .shardsMiscounted)

        let other = try training.trainer()
        let expected = try other.commit(other.localSums(work.header, shards: work.shards), work.header)
        #expect(try trainer.commit(complete, work.header) == expected)
        #expect(trainer.state != start)
    }

    @Test("a scoring pass with a shard missing gives no scores")
    func scoringLanes() throws {
        let training = try TestTraining()
        let trainer = try training.trainer()
        let work = StepWork(
            kind: .importance, step: 0, shards: ShardPlan.shards(of: training.examples, shardTokens: 32))
        let sums = try trainer.localSums(work.header, shards: Array(work.shards.dropLast()))
        #expect(refusal { _ = try trainer.scores(sums, work.header) }?.code == .shardsMiscounted)
    }

    @Test("a learning rate that blows the parameters up ends with tensor, shard and rows")
    func hugeRate() throws {
        let training = try TestTraining()
        let trainer = try training.trainer(
            slots: 2, settings: TestTraining.settings(learningRate: 1e30, schedule: .constant))
        var batches = training.batches()
        var step = 0
        let refused = refusal {
            while step < 4 {
                let work = batches.work(step: step)
                _ = try trainer.commit(trainer.localSums(work.header, shards: work.shards), work.header)
                step += 1
            }
        }
        #expect(refused?.code == .notFinite)
        let message = refused?.message ?? ""
        #expect(message.contains("step \(step) of the fine-tune, shard 0 (rows "), "\(message)")
        #expect(message.contains("the gradient of base_model.model.bert.encoder.layer."), "\(message)")
        #expect(message.contains("training.learning_rate"), "\(message)")
        #expect(trainer.step == step)
    }

    @Test("a parameter that is no number is told by the loss or a gradient, not by a crash")
    func notANumber() throws {
        let training = try TestTraining()
        let layout = training.trainable.layout(training.mixed)
        for place in [0, layout.range(of: .head).lowerBound, layout.count - 1] {
            var parameters = training.trainable.initialParameters(training.mixed, phase: .fineTune, seed: 11)
            parameters[place] = .nan
            let trainer = try training.trainer(
                setup: training.setup(state: TrainingState(phase: .fineTune, initial: parameters)))
            var batches = training.batches()
            let work = batches.work(step: 0)
            let before = trainer.digest
            let refused = refusal { _ = try trainer.localSums(work.header, shards: work.shards) }
            #expect(refused?.code == .notFinite)
            #expect(refused?.message.contains("shard 0 (rows ") == true)
            #expect(trainer.digest == before)

            let pass = StepWork(kind: .importance, step: 0, shards: work.shards)
            let scored = refusal { _ = try trainer.localSums(pass.header, shards: pass.shards) }
            // A head does not enter the importance.
            #expect(scored?.code == (place == 0 ? .notFinite : nil))
            if place == 0 {
                #expect(scored?.message.contains("the importance of bert.encoder.layer.") == true)
            }
        }
    }

    @Test("a loss beyond what the exact sum holds is told as the loss")
    func hugeLoss() throws {
        let training = try TestTraining()
        let layout = training.trainable.layout(training.mixed)
        var parameters = [Float](repeating: 0, count: layout.count)
        // A bias of 1e20 on one label: the gradients are at most 1 an example, the loss is 1e20.
        parameters[layout.count - 1] = 1e20
        let trainer = try training.trainer(
            setup: training.setup(state: TrainingState(phase: .fineTune, initial: parameters)))
        var batches = training.batches()
        let work = batches.work(step: 0)
        let refused = refusal { _ = try trainer.localSums(work.header, shards: work.shards) }
        #expect(refused?.code == .notFinite)
        #expect(refused?.message.contains(": the loss: ") == true, "\(refused?.message ?? "")")
    }

    @Test("a state of another phase, another layout or a later step is refused")
    func otherState() throws {
        let training = try TestTraining()
        let good = try training.trainer().state
        var others: [TrainingState] = []
        others.append(TrainingState(phase: .probe, initial: good.parameters))
        others.append(TrainingState(phase: .fineTune, initial: good.parameters + [0]))
        var late = good
        late.step = 5
        others.append(late)
        for state in others {
            let refused = refusal { _ = try training.trainer(setup: training.setup(state: state)) }
            #expect(refused?.code == .wrongState)
            #expect(refused?.message.contains("does not fit the phase fine-tune") == true)
        }
    }

    @Test("of several shards that fail, the first is told, whichever thread came first")
    func firstFailure() throws {
        struct Failure: Error, Equatable { let index: Int }
        let pool = SlotPool(slotCount: 4)
        for _ in 0..<50 {
            #expect(throws: Failure(index: 3)) {
                try pool.forEach(count: 40) { _, index in
                    if index >= 3 { throw Failure(index: index) }
                }
            }
        }
    }
}
