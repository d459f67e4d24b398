//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import Inference
import LoRA
import Metrics
import Testing
import Training

private let text = DatasetOptions(header: false, columns: DataColumns(text: ColumnSelector(0)))
private let labelled = DatasetOptions(
    header: false, columns: DataColumns(text: ColumnSelector(0), label: ColumnSelector(1)))

/// Rows of differing lengths, so that shards are cut unevenly.
private func writeRows(_ count: Int, to file: String) throws {
    let rows = (0..<count).map { row in
        (0..<row % 9).map { "abcdefghi"[$0] }.joined(separator: " ") + " film\t\(RandomAdapter.labels[row % 2])\n"
    }
    try rows.joined().write(toFile: file, atomically: true, encoding: .utf8)
}

extension String {
    fileprivate subscript(place: Int) -> String { String(self[index(startIndex, offsetBy: place)]) }
}

struct AdaptedModelTests {
    private static func read(
        _ adapter: String, model: String = "pairs", kind: TaskKind = .classification, labels: [String] = []
    ) throws -> AdaptedModel {
        try AdaptedModel(
            modelFolder: Vectors.model(model), adapterFolder: adapter,
            task: AdaptedModel.TaskRequest(kind: kind, labels: labels))
    }

    private static func set(_ model: AdaptedModel, file: String, options: DatasetOptions) throws -> EvaluationSet {
        EvaluationSet(
            examples: try model.prepare(file, options: options, maximumLength: 20).examples, loss: model.loss,
            metrics: [.accuracy], positiveLabel: 1, shardTokens: 32)
    }

    @Test("a written adapter predicts the run's own logits bit for bit, with any number of threads")
    func sameBitsAsTheRun() throws {
        let random = try RandomAdapter()
        try withFolder { folder in
            try random.write(to: folder + "/adapter")
            try writeRows(50, to: folder + "/rows.tsv")
            let model = try Self.read(folder + "/adapter")
            let set = try Self.set(model, file: folder + "/rows.tsv", options: labelled)

            let settings = ComputeSettings(
                optimizer: OptimizerSettings(
                    learningRate: 1e-3, headLearningRate: 1e-3, weightDecay: 0, beta1: 0.9, beta2: 0.999,
                    epsilon: 1e-8, maxGradientNorm: nil),
                probeLearningRate: 1e-3, schedule: .linear, warmup: .steps(0), loss: .crossEntropy, seed: 1)
            let fleet = LocalFleet(
                model: random.base.model, settings: settings, trainable: random.trainable, slots: 1)
            _ = try fleet.begin(
                PhaseSetup(
                    phase: .fineTune, totalSteps: 1, assignment: random.layout.assignment,
                    state: TrainingState(phase: .fineTune, initial: random.values)))
            let expected = try set.predict(with: fleet) { 0 }
            #expect(Set(expected.map(\.logits)).count > 5, "the rows are told apart")
            for slots in [1, 3] {
                #expect(try set.predict(with: model.fixed(slots: slots)) { 0 } == expected, "\(slots) slots")
            }
            let figures = try set.measure(expected)
            #expect(try set.measure(set.predict(with: model.fixed(slots: 2)) { 0 }) == figures)
            #expect(Set(figures.keys) == ["eval_loss", "eval_accuracy"])
        }
    }

    @Test("the file to predict needs no labels")
    func withoutLabels() throws {
        try withFolder { folder in
            try RandomAdapter().write(to: folder + "/adapter")
            try writeRows(12, to: folder + "/rows.tsv")
            let model = try Self.read(folder + "/adapter")
            let with = try Self.set(model, file: folder + "/rows.tsv", options: labelled)
            let without = try Self.set(model, file: folder + "/rows.tsv", options: text)
            #expect(without.examples.allSatisfy { $0.target == .none })
            let fixed = model.fixed(slots: 1)
            #expect(try with.predict(with: fixed) { 0 } == without.predict(with: fixed) { 0 })
        }
    }

    @Test("labels come from the adapter, else from the caller, else from the base model")
    func labels() throws {
        try withFolder { folder in
            try RandomAdapter().write(to: folder)
            #expect(try Self.read(folder).labels?.names == RandomAdapter.labels)
            #expect(try Self.read(folder, labels: RandomAdapter.labels).labels?.names == RandomAdapter.labels)
            let other = refusal(InferenceError.self) { _ = try Self.read(folder, labels: ["yes", "no"]) }
            #expect(other?.code == .badRequest)

            try FileManager.default.removeItem(atPath: folder + "/" + LoRADropRecord.fileName)
            #expect(try Self.read(folder).labels?.names == ["LABEL_0", "LABEL_1"])
            #expect(try Self.read(folder, labels: ["a", "b"]).labels?.names == ["a", "b"])
            let three = refusal(InferenceError.self) { _ = try Self.read(folder, labels: ["a", "b", "c"]) }
            #expect(three?.message == "task.labels names 3 labels, but the adapter's classifier has 2 outputs")
        }
    }

    @Test("a classification adapter is no regression, and an adapter of another model is refused")
    func refusals() throws {
        try withFolder { folder in
            try RandomAdapter().write(to: folder)
            let kind = refusal(InferenceError.self) { _ = try Self.read(folder, kind: .regression) }
            #expect(kind?.code == .badRequest)
            let model = refusal(LoRAError.self) { _ = try Self.read(folder, model: "small") }
            #expect(model?.code == .otherBaseModel)
            try writeRows(2, to: folder + "/rows.tsv")
            let adapted = try Self.read(folder)
            let length = refusal(InferenceError.self) {
                _ = try adapted.prepare(folder + "/rows.tsv", options: text, maximumLength: 25)
            }
            #expect(length?.code == .badRequest)
        }
    }
}
