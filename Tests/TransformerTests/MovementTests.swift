//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing
import Transformer

@Suite("Ten steps of AdamW against PyTorch's")
struct MovementTests {
    /// The key `training` of a case; the vectors' README says what it means.
    private struct Training: Decodable {
        struct Optimiser: Decodable {
            let weightDecay: Double
            let beta1: Double
            let beta2: Double
            let epsilon: Double
            let maxGradientNorm: Double
        }

        let optimiser: Optimiser
        let losses: [Double]
        let gradientNorms: [Double]
        let learningRates: [Double]
        let headLearningRates: [Double]
        let batches: [KnownAnswers.Batch]
    }

    private struct Case: Decodable {
        let training: Training
    }

    @Test(
        "losses, gradient norms and the movement of every parameter agree",
        arguments: [
            "odd-query-value", "pairs-tied", "regression", "small-trained-pooler", "roberta/tied",
            "distilbert/odd-all-linear", "electra/odd-all-linear",
        ])
    func movement(name: String) throws {
        let answers = try KnownAnswers.read(name)
        let training = try KnownAnswers.decode(Case.self, name).training
        let model = try KnownAnswers.model(
            answers.modelFolders[0], of: name, trainPooler: answers.trainsPooler)
        let views = try TrainedViews(
            model: model, adapter: KnownAnswers.tensors(name, "adapter/adapter_model.safetensors"),
            scale: Float(answers.alpha / Double(answers.adapterRank)), sharedLayers: answers.sharedLayers,
            trainsPooler: answers.trainsPooler)
        let start = views.values.mapValues { $0.values.map(Double.init) }
        let moments = views.values.mapValues { value in
            (0..<2).map { _ in Matrix(rows: value.rowCount, columns: value.columnCount) }
        }
        let optimiser = AdamW(
            firstDecay: training.optimiser.beta1, secondDecay: training.optimiser.beta2,
            epsilon: training.optimiser.epsilon)
        let workspace = Workspace()
        for (step, batch) in training.batches.enumerated() {
            let loss = workspace.scope {
                let pass = model.forward(
                    batch.packed, branches: views.branches, head: views.head, workspace: workspace)
                let (loss, gradient) = meanLoss(pass.logits, labels: batch.labels)
                model.backward(pass, logitsGradient: gradient)
                return loss
            }
            let expected = training.losses[step]
            #expect(abs(loss - expected) < 2e-4 * abs(expected), "step \(step)")
            let norm = views.gradients.values.map(\.sumOfSquares).sorted().reduce(0, +).squareRoot()
            #expect(abs(norm - training.gradientNorms[step]) < 1e-3 * norm, "step \(step)")
            for (name, value) in views.values {
                let gradient = try #require(views.gradients[name])
                let moments = try #require(moments[name])
                optimiser.update(
                    value, firstMoments: moments[0], secondMoments: moments[1], gradients: gradient,
                    gradientScale: Float(min(1, training.optimiser.maxGradientNorm / (norm + 1e-6))),
                    learningRate: name.contains("lora_")
                        ? training.learningRates[step] : training.headLearningRates[step],
                    weightDecay: training.optimiser.weightDecay, step: step + 1)
                gradient.fill(0)
            }
        }
        let expected = try KnownAnswers.tensors(name, "expected.safetensors")
        let names = expected.names.filter { $0.hasPrefix("movement.") }
        #expect(names.count == views.values.count)
        for movement in names {
            let name = String(movement.dropFirst("movement.".count))
            let before = try #require(start[name])
            let after = try #require(views.values[name]).values
            let moved = zip(after, before).map { Float(Double($0) - $1) }
            let values = try #require(expected[movement]).values.map(Double.init)
            #expect(relativeError(moved, values) < 1e-3, "\(name)")
        }
    }
}
