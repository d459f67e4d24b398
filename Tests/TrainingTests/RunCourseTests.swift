//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import LoRA
import Metrics
import Testing
import Training

@Suite("When a run evaluates, logs, saves and ends")
struct RunCourseTests {
    /// Plain LoRA: no probe before the 9 steps.
    private static func plan(_ change: (inout RunPlan) -> Void = { _ in }) -> RunPlan {
        TestTraining.plan {
            $0.selection.threshold = 1
            change(&$0)
        }
    }

    @Test("evaluations come when they are due and once at the end")
    func evaluations() throws {
        let training = try TestTraining()
        func steps(_ interval: Interval) throws -> [Int] {
            let observer = RecordingObserver()
            let result = try training.finish(Self.plan { $0.evaluation = interval }, observer: observer)
            #expect(Set(result.evaluation.keys).isSuperset(of: ["eval_loss", "eval_accuracy", "eval_runtime"]))
            #expect(result.evaluation == observer.evaluations.last?.evaluation)
            return observer.evaluations.map(\.step)
        }
        #expect(try steps(.everyEpoch) == [3, 6, 9])
        #expect(try steps(.everySteps(2)) == [2, 4, 6, 8, 9])
        #expect(try steps(.never) == [9])
        let observer = RecordingObserver()
        let result = try withFolder { folder in
            try training.run(
                Self.plan(), in: folder, observer: observer,
                data: RunData(train: training.examples, validation: nil, labels: [])
            ).run(from: nil).result()
        }
        #expect(observer.evaluations.isEmpty && result.evaluation.isEmpty)
        #expect(result.progress.step == 9)
    }

    @Test("log entries are means over their steps, with rates and norms of the last one")
    func logging() throws {
        let observer = RecordingObserver()
        let result = try TestTraining().finish(
            Self.plan {
                $0.loggingSteps = 4
                $0.evaluation = .never
            }, observer: observer)
        #expect(observer.entries.map(\.step) == [4, 8, 9])
        let outcomes = observer.outcomes.map(\.outcome)
        let losses = outcomes.map(\.loss)
        let sum = { (range: Range<Int>) in losses[range].reduce(0, +) }
        #expect(observer.entries.map(\.loss) == [sum(0..<4) / 4, sum(4..<8) / 4, losses[8]])
        #expect(observer.entries.map(\.learningRate) == [3, 7, 8].map { outcomes[$0].learningRate })
        #expect(observer.entries.map(\.gradientNorm) == [3, 7, 8].map { outcomes[$0].gradientNorm })
        let epochs: [Double] = [4, 8, 9].map { $0 / 3 }
        #expect(observer.entries.map(\.epoch) == epochs)
        #expect(result.progress.lossCount == 9)
        #expect(result.progress.lossSum == losses.reduce(0, +))
        #expect(sum(6..<9) < sum(0..<3), "it learns")
        // Batches of an epoch: every example once, the last batch smaller.
        #expect(outcomes.map(\.exampleCount) == [16, 16, 5, 16, 16, 5, 16, 16, 5])
        // The linear schedule's last step still has a rate.
        for (step, outcome) in outcomes.enumerated() {
            #expect(abs(outcome.learningRate - 0.02 * Double(9 - step) / 9) < 1e-15)
        }
    }

    @Test("a number of steps goes before the epochs, within the first and beyond the last")
    func maxSteps() throws {
        let training = try TestTraining()
        for steps in [1, 2, 11] {
            let observer = RecordingObserver()
            let result = try training.finish(Self.plan { $0.maxSteps = steps }, observer: observer)
            #expect(observer.outcomes.count == steps)
            #expect(result.totalSteps == steps)
            #expect(result.epochs == Double(steps) / 3)
            #expect(result.finalState.step == steps)
            #expect(observer.evaluations.last?.step == steps)
        }
    }

    @Test("a run whose metric does not improve is stopped early, on a resume too")
    func earlyStopping() throws {
        let training = try TestTraining()
        // Steps so small that no answer changes.
        let plan = Self.plan {
            $0.compute = TestTraining.settings(learningRate: 1e-12)
            $0.compute.optimizer.headLearningRate = 1e-12
            $0.evaluation = .everySteps(1)
            $0.earlyStoppingPatience = 3
        }
        let observer = RecordingObserver()
        let result = try training.finish(plan, observer: observer)
        #expect(result.progress.step == 4)
        #expect(observer.outcomes.count == 4)
        #expect(observer.evaluations.map(\.step) == [1, 2, 3, 4])
        #expect(observer.messages.contains { $0.contains("stopped early: no better accuracy in 3 evaluations") })
        for stop in 1...3 {
            try withFolder { folder in
                _ = try training.run(plan, in: folder, observer: RecordingObserver(stopsAfter: stop)).run(from: nil)
                let again = try training.run(plan, in: folder).run(from: training.store(folder).latest()).result()
                #expect(again.finalState == result.finalState, "stopped after \(stop)")
                #expect(again.progress.history == result.progress.history)
            }
        }
    }

    @Test("the best evaluated state is exported where that is asked for")
    func best() throws {
        let training = try TestTraining()
        var isOlder = false
        for rate in [0.02, 0.3, 1] {
            try withFolder { folder in
                let plan = Self.plan {
                    $0.compute = TestTraining.settings(learningRate: rate, schedule: .constant)
                    $0.evaluation = .everySteps(1)
                    $0.loadsBestAtEnd = true
                    $0.saving = .never
                }
                let observer = RecordingObserver()
                let result = try training.run(plan, in: folder, observer: observer).run(from: nil).result()
                let values = observer.evaluations.map { $0.evaluation["eval_accuracy"] ?? .nan }
                let highest = try #require(values.max())
                let step = try #require(values.firstIndex(of: highest)) + 1
                #expect(result.finalState.step == step)
                #expect(result.finalState.digest == observer.outcomes[step - 1].outcome.digest)
                #expect(result.evaluation["eval_accuracy"] == highest)
                #expect(result.progress.bestCheckpoint == "checkpoint-\(step)")
                isOlder = isOlder || step < 9
            }
        }
        #expect(isOlder, "in one of these runs the last state is not the best")
    }

    @Test("the evaluation counts what the model answers, in file order")
    func measure() throws {
        let training = try TestTraining()
        let observer = RecordingObserver()
        let result = try training.finish(Self.plan(), observer: observer)
        let fleet = training.fleet(slots: 3)
        _ = try fleet.begin(
            PhaseSetup(phase: .fineTune, totalSteps: 9, assignment: result.assignment, state: result.finalState))
        var passes = 0
        let predictions = try training.validation.predict(with: fleet) {
            passes += 1
            return passes
        }
        #expect(passes == 1)
        #expect(predictions.map(\.example) == training.validation.examples.map(\.index))
        var (right, loss) = (0, 0.0)
        for (prediction, example) in zip(predictions, training.validation.examples) {
            guard case .classIndex(let label) = example.target else { continue }
            right += prediction.logits.indices.max { prediction.logits[$0] < prediction.logits[$1] } == label ? 1 : 0
            loss += Loss.crossEntropy.value(logits: prediction.logits, target: example.target)
        }
        #expect(result.evaluation["eval_accuracy"] == Double(right) / 15)
        #expect(result.evaluation["eval_loss"] == loss / 15)
        #expect(EvaluationSet.label(of: [1, 3, 3, 2]) == 1)
    }

    @Test("a prediction that does not come back is an error that names the row")
    func lostPrediction() throws {
        let training = try TestTraining()
        let fleet = RecordingFleet(training.fleet(), losesPredictions: true)
        let refused = refusal { _ = try training.finish(Self.plan(), fleet: fleet) }
        #expect(refused?.code == .shardsMiscounted)
        #expect(refused?.message.contains("no prediction came back for row ") == true)
    }

    @Test("a training that blows up ends with tensor and shard, its last checkpoint usable")
    func blowsUp() throws {
        let training = try TestTraining()
        let plan = Self.plan {
            $0.compute = TestTraining.settings(learningRate: 1e30, schedule: .constant)
            $0.saving = .everySteps(1)
            $0.evaluation = .never
        }
        try withFolder { folder in
            let refused = refusal { _ = try training.run(plan, in: folder).run(from: nil) }
            #expect(refused?.code == .notFinite)
            #expect(refused?.message.contains("shard 0") == true)
            #expect(refused?.message.contains("the gradient of base_model.model.bert.") == true)
            let latest = try #require(try training.store(folder).latest())
            #expect(latest.state.step > 0)
        }
    }
}
