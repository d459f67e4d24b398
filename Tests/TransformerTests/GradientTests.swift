//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Randomness
import Tensors
import Testing
import Transformer

@Suite("Backward through the whole model")
struct GradientTests {
    init() {
        BLAS.useOneThread()
    }

    private static let dropout = InputDropout(probability: 0.2, step: 5) { index in
        RandomStream(seed: 42, purpose: .inputDropout, index: UInt32(index))
    }

    /// Moves each parameter along its gradient's direction, where the objective's slope is the gradient's norm, and
    /// along random directions, where it is the product with them.
    private static func compareWithFiniteDifferences(_ random: RandomModel, dropout: InputDropout? = nil) {
        random.addGradients(oddExamples, dropout: dropout)
        for (name, value, gradient) in random.parameters {
            let norm = gradient.sumOfSquares.squareRoot()
            #expect(norm > 1e-3, "\(name) has a gradient of almost zero, which proves nothing")
            let start = value.values
            let draws = RandomStream(seed: 6, purpose: .randomScore).uniform(
                count: value.count, low: -1, high: 1)
            for direction in [gradient.values.map { $0 / Float(norm) }, draws] {
                let slope = zip(direction, gradient.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                let length = direction.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                let step = Float(4e-3 / length)
                func objective(_ factor: Float) -> Double {
                    value.copy(from: zip(start, direction).map { $0 + factor * step * $1 })
                    return random.objective(oddExamples, dropout: dropout)
                }
                // Five points: the error of the formula is of the fourth order in the step.
                let difference =
                    (8 * (objective(1) - objective(-1)) - (objective(2) - objective(-2))) / (12 * Double(step))
                value.copy(from: start)
                // The objective is rounded to about 1e-6.
                #expect(abs(difference - slope) < 2e-3 * norm * length + 1e-6 / Double(step), "\(name)")
            }
        }
    }

    // Not for `relu`: steps over its kinks are no slopes. Known answers and the kernel's own test have it.
    @Test("every branch and the head agree with finite differences", arguments: [Activation.gelu, .geluNew])
    func everyProjection(activation: Activation) throws {
        Self.compareWithFiniteDifferences(try RandomModel(["hidden_act": "\"\(activation.rawValue)\""]))
    }

    @Test("branches that several layers share get the sum over the layers")
    func sharedBranches() throws {
        Self.compareWithFiniteDifferences(try RandomModel(sharedLayers: [0, 2]))
    }

    // Not for DistilBERT, whose pooler has ReLU's kinks.
    @Test("other families' heads and embeddings", arguments: ["roberta", "electra"])
    func families(modelType: String) throws {
        Self.compareWithFiniteDifferences(
            try RandomModel(
                ["model_type": "\"\(modelType)\"", "embedding_size": "12", "max_position_embeddings": "30"],
                trainPooler: true))
    }

    @Test("a trained pooler's gradient agrees with finite differences")
    func trainedPooler() throws {
        Self.compareWithFiniteDifferences(try RandomModel(trainPooler: true))
    }

    @Test("with dropout on the branches' inputs")
    func inputDropout() throws {
        Self.compareWithFiniteDifferences(try RandomModel(), dropout: Self.dropout)
    }

    @Test("a branch trained alone gets the gradient that it gets among all", arguments: 0..<18)
    func trainedAlone(index: Int) throws {
        let all = try RandomModel()
        all.addGradients(oddExamples, dropout: Self.dropout)
        let alone = try RandomModel(trains: { $0.index == index })
        alone.addGradients(oddExamples, dropout: Self.dropout)
        let projection = alone.model.projections[index]
        for (name, _, gradient) in alone.parameters {
            if name.hasPrefix("\(projection.layer).\(projection.name).") || name.hasPrefix("classifier") {
                #expect(gradient.values == all.gradient(name), "\(name)")
            } else {
                #expect(gradient.sumOfSquares == 0, "\(name) is frozen")
            }
        }
    }

    @Test("gradients are added to what is there")
    func accumulation() throws {
        let random = try RandomModel()
        random.addGradients(oddExamples)
        let once = random.parameters.map { $0.gradient.values }
        random.addGradients(oddExamples)
        for (parameter, before) in zip(random.parameters, once) {
            for (now, before) in zip(parameter.gradient.values, before) {
                #expect(abs(now - 2 * before) <= 1e-6 * max(1, abs(before)))
            }
        }
    }

    @Test("reading the first tokens only changes neither logits nor gradients")
    func firstTokenOnly() throws {
        for dropout in [nil, Self.dropout] {
            let random = try RandomModel(sharedLayers: [1, 2])
            let first = random.addGradients(oddExamples, reads: .firstTokenOnly, dropout: dropout)
            let gradients = random.parameters.map { $0.gradient.values.map(Double.init) }
            random.clearGradients()
            let all = random.addGradients(oddExamples, reads: .allTokens, dropout: dropout)
            #expect(relativeError(first, all.map(Double.init)) < 1e-6)
            for (parameter, expected) in zip(random.parameters, gradients) {
                #expect(relativeError(parameter.gradient.values, expected) < 3e-6, "\(parameter.name)")
            }
        }
    }

    @Test(
        "a shard's gradients do not depend on what the workspace held", arguments: [1, 1 << 20],
        [TokensRead.firstTokenOnly, .allTokens])
    func dirtyWorkspace(blockSize: Int, reads: TokensRead) throws {
        let random = try RandomModel()
        let workspace = Workspace(blockSize: blockSize)
        var bytes: [Int] = []
        for (round, dropout) in [nil, Self.dropout, nil].enumerated() {
            random.clearGradients()
            let logits = random.addGradients(oddExamples, reads: reads, dropout: dropout)
            let gradients = random.parameters.map { $0.gradient.values }
            workspace.scope {
                for _ in 0..<200 {
                    workspace.matrix(rows: 97, columns: 31).fill(.nan)
                }
            }
            random.clearGradients()
            let again = random.addGradients(
                oddExamples, reads: reads, dropout: dropout, workspace: workspace, poisonsScratch: true)
            #expect(again == logits, "round \(round)")
            for (parameter, expected) in zip(random.parameters, gradients) {
                #expect(parameter.gradient.values == expected, "\(parameter.name), round \(round)")
            }
            // Another shape in between, as the next shard has.
            random.addGradients(examples([(1, 24), (2, 3)]), reads: reads, workspace: workspace)
            bytes.append(workspace.byteCount)
        }
        #expect(bytes[2] == bytes[1], "a steady step takes no memory")
    }

    @Test("threads that compute at the same time get the bits that one gets alone")
    func concurrency() throws {
        let expected = try RandomModel()
        expected.addGradients(oddExamples, dropout: Self.dropout)
        // Models are made here, since they are not sent between threads: each is used by one of them.
        let models = try (0..<4).map { _ in Once(try RandomModel()) }
        DispatchQueue.concurrentPerform(iterations: models.count) { place in
            models[place].value.addGradients(oddExamples, dropout: Self.dropout)
        }
        for model in models {
            for (parameter, expected) in zip(model.value.parameters, expected.parameters) {
                #expect(parameter.gradient.values == expected.gradient.values, "\(parameter.name)")
            }
        }
    }

    /// A model that one iteration uses, and after all of them the test.
    private final class Once: @unchecked Sendable {
        let value: RandomModel

        init(_ value: RandomModel) {
            self.value = value
        }
    }

    @Test("a shard without examples changes nothing")
    func emptyShard() throws {
        let random = try RandomModel(trainPooler: true)
        #expect(random.addGradients(examples([])) == [])
        for parameter in random.parameters {
            #expect(parameter.gradient.sumOfSquares == 0)
        }
    }
}
