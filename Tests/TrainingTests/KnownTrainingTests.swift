//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import ExactSums
import LoRA
import Tensors
import Testing
import Training
import Transformer

@Suite("Ten steps as PyTorch, transformers and PEFT do them")
struct KnownTrainingTests {
    static let names = [
        "odd-query-value", "pairs-tied", "regression", "small-trained-pooler", "roberta/odd-all-linear",
        "distilbert/tied", "electra/tied",
    ]

    private static func fleet(_ known: KnownCase, _ optimiser: KnownCase.Optimiser) throws -> LocalFleet {
        let shape = try #require(LearningRateSchedule.Shape(rawValue: optimiser.schedule))
        return LocalFleet(
            model: known.model.model,
            settings: ComputeSettings(
                optimizer: OptimizerSettings(
                    learningRate: optimiser.learningRate, headLearningRate: optimiser.headLearningRate,
                    weightDecay: optimiser.weightDecay, beta1: optimiser.beta1, beta2: optimiser.beta2,
                    epsilon: optimiser.epsilon, maxGradientNorm: optimiser.maxGradientNorm),
                probeLearningRate: 1, schedule: shape, warmup: .steps(optimiser.warmupSteps), loss: known.loss,
                seed: 1),
            trainable: known.trainable, slots: 2)
    }

    @Test("parameters, losses and gradient norms move as the reference's", arguments: names)
    func movement(name: String) throws {
        let known = try KnownCase(name)
        let training = try #require(known.file.training)
        let fleet = try Self.fleet(known, training.optimiser)
        let initial = try known.initialParameters()
        _ = try fleet.begin(
            PhaseSetup(
                phase: .fineTune, totalSteps: training.optimiser.totalSteps, assignment: known.assignment,
                state: TrainingState(phase: .fineTune, initial: initial)))
        var outcomes: [StepOutcome] = []
        try fleet.train(
            0..<training.batches.count,
            work: { step in
                StepWork(
                    kind: .train, step: step,
                    shards: ShardPlan.shards(of: known.examples(training.batches[step]), shardTokens: 24))
            },
            committed: { outcome in
                outcomes.append(outcome)
                return true
            })
        #expect(outcomes.map(\.step) == Array(0..<10))
        for (outcome, step) in zip(outcomes, 0...) {
            #expect(abs(outcome.loss / training.losses[step] - 1) < 1e-4, "the loss of step \(step)")
            #expect(abs(outcome.gradientNorm / training.gradientNorms[step] - 1) < 1e-4, "the norm of step \(step)")
            #expect(abs(outcome.learningRate - training.learningRates[step]) < 1e-15, "the rate of step \(step)")
        }
        let final = try fleet.snapshot().parameters
        for tensor in known.layout.tensors {
            let expected = try #require(known.expected["movement." + known.fileName(tensor)]).values.map(Double.init)
            let found = tensor.range.map { Double(final[$0]) - Double(initial[$0]) }
            let error = relativeError(found, expected)
            #expect(error < 1e-3, "\(tensor.name) moved otherwise: relative L2 \(error)")
        }
    }

    @Test(
        "logits and importance of one batch are the reference's", arguments: names + ["odd-all-linear", "small-relu"])
    func logitsAndImportance(name: String) throws {
        let known = try KnownCase(name)
        let fleet = LocalFleet(
            model: known.model.model, settings: TestTraining.settings(loss: known.loss),
            trainable: known.trainable, slots: 2)
        _ = try fleet.begin(
            PhaseSetup(
                phase: .probe, totalSteps: 1, assignment: known.assignment,
                state: TrainingState(phase: .probe, initial: try known.initialParameters())))
        let shards = ShardPlan.shards(of: known.examples(known.file.batch), shardTokens: 24)

        let predictions = try fleet.predict(StepWork(kind: .predict, step: 0, shards: shards))
            .sorted { $0.example < $1.example }
        #expect(predictions.map(\.example) == known.file.logits.indices.map(UInt32.init))
        let logits = relativeError(
            predictions.flatMap { $0.logits.map(Double.init) }, known.file.logits.flatMap(\.self))
        #expect(logits < 2e-5, "logits: relative L2 \(logits)")

        let work = StepWork(kind: .importance, step: 1, shards: shards)
        let sums = try fleet.sums(of: work)
        let scale = FixedPointScale(count: work.tokenCount, addends: shards.count)
        for projection in known.trainable.projections {
            let expected = known.file.importance[projection.path] ?? 0
            #expect(abs(scale.sum(sums[projection.index]) - expected) <= 2e-5 * expected, "\(projection.path)")
        }
    }
}
