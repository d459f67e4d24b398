//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Digests
import ExactSums
import LoRA
import Tensors
import Testing
import Training
import Transformer

@Suite("The state depends on the work, not on who did it")
struct ExactnessTests {
    /// The state's digest after every step, with `slots` threads.
    private static func digests(
        _ training: TestTraining, slots: Int, steps: Int = 4, settings: ComputeSettings = TestTraining.settings()
    ) throws -> [Digest] {
        let fleet = training.fleet(slots: slots, settings: settings)
        var batches = training.batches()
        var digests = [try fleet.begin(training.setup(steps))]
        try fleet.train(
            0..<steps, work: { batches.work(step: $0) },
            committed: { outcome in
                digests.append(outcome.digest)
                return true
            })
        #expect(try fleet.snapshot().digest == digests.last)
        return digests
    }

    @Test("1, 2, 3 and 7 slots give the same bits after every step", arguments: [0, 0.3])
    func slots(dropout: Double) throws {
        let training = try TestTraining(dropout: dropout)
        let expected = try Self.digests(training, slots: 1)
        #expect(Set(expected).count == 5)
        for slots in [2, 3, 7] {
            #expect(try Self.digests(training, slots: slots) == expected, "\(slots) slots")
        }
    }

    @Test("at either precision 1, 2 and 3 slots give the same bits, and the precision has a say")
    func precision() throws {
        let training = try TestTraining()
        let all = try MatmulPrecision.allCases.map { precision in
            let settings = TestTraining.settings(precision: precision)
            let expected = try Self.digests(training, slots: 1, settings: settings)
            for slots in [2, 3] {
                #expect(try Self.digests(training, slots: slots, settings: settings) == expected, "\(slots) slots")
            }
            let keeping = TestTraining.settings(precision: precision, keepsSplitWeights: true)
            #expect(try Self.digests(training, slots: 2, settings: keeping) == expected)
            return expected
        }
        // The initial state is the same.
        #expect(all[0][0] == all[1][0])
        #expect(zip(all[0], all[1]).dropFirst().allSatisfy { $0 != $1 })
    }

    @Test("dropout has a say, and only while training")
    func dropout() throws {
        let (plain, dropping) = (try TestTraining(), try TestTraining(dropout: 0.3))
        #expect(try Self.digests(plain, slots: 1) != Self.digests(dropping, slots: 1))
        let shards = ShardPlan.shards(of: plain.examples, shardTokens: 32)
        let answers = try [plain, dropping].map { training in
            let fleet = training.fleet()
            _ = try fleet.begin(training.setup())
            return try fleet.predict(StepWork(kind: .predict, step: 0, shards: shards))
        }
        #expect(answers[0] == answers[1])
    }

    @Test("shards cut among several workers in any way give the same bits", arguments: [0, 0.3])
    func workers(dropout: Double) throws {
        let training = try TestTraining(dropout: dropout)
        let expected = try Self.digests(training, slots: 2)
        var draws = TestDraws(state: 3)
        for workerCount in [2, 3, 5] {
            let workers = try (0..<workerCount).map { try training.trainer(slots: 1 + $0 % 2) }
            var batches = training.batches()
            for step in 0..<4 {
                let work = batches.work(step: step)
                // Each worker gets some shards, perhaps none, in an order of its own.
                var parts = [[Shard]](repeating: [], count: workerCount)
                for shard in work.shards.shuffled(using: &draws) {
                    parts[Int.random(in: 0..<workerCount, using: &draws)].append(shard)
                }
                let sums = try zip(workers, parts).map { try $0.localSums(work.header, shards: $1) }
                var total = sums[workerCount - 1]
                for other in sums.dropLast().shuffled(using: &draws) {
                    total.add(other)
                }
                for worker in workers {
                    #expect(try worker.commit(total, work.header).digest == expected[step + 1])
                }
            }
        }
    }

    @Test("importance and gradient scores are the same for any slots and workers")
    func scores() throws {
        let training = try TestTraining(dropout: 0.2)
        var batches = training.batches()
        for kind in [StepWork.Kind.importance, .gradientScore] {
            let work = StepWork(
                kind: kind, step: 0, shards: ShardPlan.shards(of: training.examples, shardTokens: 32))
            var expected: [Int64]?
            for slots in [1, 3] {
                let trainers = try (0..<2).map { _ in try training.trainer(slots: slots) }
                for step in 0..<2 {
                    let step = batches.work(step: step)
                    for trainer in trainers {
                        _ = try trainer.commit(trainer.localSums(step.header, shards: step.shards), step.header)
                    }
                }
                let before = trainers[0].digest
                let split = work.shards.count / 3
                var sums = try trainers[0].localSums(work.header, shards: Array(work.shards[..<split]))
                sums.add(try trainers[1].localSums(work.header, shards: Array(work.shards[split...])))
                let found = try trainers[0].scores(sums, work.header)
                #expect(
                    try found
                        == trainers[0].scores(trainers[0].localSums(work.header, shards: work.shards), work.header))
                #expect(trainers[0].digest == before, "a scoring pass leaves the state as it is")
                for projection in training.trainable.projections {
                    let isTarget = training.trainable.targets.contains { $0.index == projection.index }
                    #expect((found[projection.index] > 0) == isTarget, "\(kind) of \(projection.path)")
                }
                #expect(expected == nil || expected == found)
                expected = found
            }
        }
    }

    @Test("a state that was sent as bytes goes on with the same bits")
    func takenUp() throws {
        let training = try TestTraining(dropout: 0.3)
        let expected = try Self.digests(training, slots: 1)
        var batches = training.batches()
        var state: TrainingState?
        for step in 0..<4 {
            let trainer = try training.trainer(slots: 2, setup: training.setup(state: state))
            #expect(trainer.digest == expected[step])
            let work = batches.work(step: step)
            let outcome = try trainer.commit(trainer.localSums(work.header, shards: work.shards), work.header)
            #expect(outcome.digest == expected[step + 1])
            state = try TrainingState(bytes: trainer.state.bytes)
        }
    }

    @Test("another cut into shards is another computation, near the same")
    func otherCut() throws {
        let training = try TestTraining()
        func state(_ shardTokens: Int) throws -> TrainingState {
            var batches = BatchSchedule(
                phase: .fineTune, examples: training.examples, batchSize: 16, shardTokens: shardTokens, seed: 11)
            let fleet = training.fleet()
            _ = try fleet.begin(training.setup())
            try fleet.train(0..<4, work: { batches.work(step: $0) }, committed: { _ in true })
            return try fleet.snapshot()
        }
        let (small, large) = (try state(8), try state(1000))
        #expect(small.digest != large.digest)
        #expect(relativeError(small.parameters.map(Double.init), large.parameters.map(Double.init)) < 1e-4)
    }
}
