//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Foundation
import LoRA
import Tensors
import Testing
import Transformer

/// Gradients in the parameter vector, held against PyTorch's: the layout, its views and the sharing are all on the way.
struct GradientTests {
    /// The vector of `layout`, taken from an adapter in which every layer has its own; a shared tensor from the lowest
    /// layer that uses it.
    static func values(
        of layout: ParameterLayout, from adapter: PEFTAdapter, shared names: [String: String]
    ) -> [Float] {
        let ranges = Dictionary(uniqueKeysWithValues: adapter.layout.tensors.map { ($0.name, $0.range) })
        return layout.tensors.flatMap { tensor in
            ranges[names[tensor.name] ?? tensor.name].map { Array(adapter.values[$0]) } ?? []
        }
    }

    /// The name that a shared tensor has in PyTorch: that of the lowest layer that uses it.
    static func sharedNames(
        _ layout: ParameterLayout, _ projections: [ProjectionDescription]
    ) -> [String: String] {
        var names: [String: String] = [:]
        for projection in projections.reversed() where layout.assignment.roles[projection.index] == .shared {
            for matrix in ["lora_A.weight", "lora_B.weight"] {
                names["shared.\(projection.name).\(matrix)"] = "base_model.model.\(projection.path).\(matrix)"
            }
        }
        return names
    }

    static func lossGradient(_ logits: Matrix, labels: [Double], isRegression: Bool) -> Matrix {
        let gradient = Matrix(rows: logits.rowCount, columns: logits.columnCount)
        let count = Double(logits.rowCount)
        for row in 0..<logits.rowCount {
            if isRegression {
                gradient[row, 0] = Float(2 * (Double(logits[row, 0]) - labels[row]) / count)
                continue
            }
            let exponentials = (0..<logits.columnCount).map { Foundation.exp(Double(logits[row, $0])) }
            let sum = exponentials.reduce(0, +)
            for column in 0..<logits.columnCount {
                let target: Double = Int(labels[row]) == column ? 1 : 0
                gradient[row, column] = Float((exponentials[column] / sum - target) / count)
            }
        }
        return gradient
    }

    @Test("every gradient of LoRA and head is PyTorch's, shared ones summed", arguments: Vectors.caseNames)
    func knownAnswers(name: String) throws {
        let known = try Vectors.knownCase(name)
        let expected = try Vectors.expected(name)
        let folder = Vectors.model(known.modelFolders[0])
        let configuration = try EncoderConfiguration(folder: folder)
        let adapter = try PEFTAdapter(
            folder: Vectors.adapter(name), configuration: configuration, fingerprint: { Digest(of: [UInt8(0)]) })
        let targets = try TargetModules.resolve(
            known.targetModules, in: configuration, trainsPooler: known.trainsPooler)
        let layout = ParameterLayout(
            assignment: AdapterAssignment(
                targets: targets, kept: Set(targets.filter { known.ownLayers.contains($0.layer) }.map(\.index)),
                sharesRest: true, projectionCount: configuration.projections.count),
            adapterRank: 4, projections: configuration.projections, head: adapter.head)
        let names = Self.sharedNames(layout, configuration.projections)
        #expect(names.isEmpty == known.sharedLayers.isEmpty)
        let gradients = Matrix(rows: 1, columns: layout.count)
        let values = Self.values(of: layout, from: adapter, shared: names)
        let parameters = TrainableParameters(
            layout, values: Matrix(rows: 1, columns: values.count, values: values), gradients: gradients,
            scale: adapter.scale)

        let model = try SequenceClassifier(
            configuration: configuration, source: try ModelWeights(folder: folder), trainPooler: known.trainsPooler)
        let workspace = Workspace()
        workspace.scope {
            let pass = model.forward(
                known.batch.packed, branches: parameters.branches, head: parameters.head, workspace: workspace)
            model.backward(
                pass,
                logitsGradient: Self.lossGradient(
                    pass.logits, labels: known.batch.labels, isRegression: known.problem == "regression"))
        }
        #expect(expected.names.filter { $0.hasPrefix("gradient.") }.count == layout.tensors.count)
        for tensor in layout.tensors {
            let answer = try #require(expected["gradient." + (names[tensor.name] ?? tensor.name)])
            #expect(answer.shape == tensor.shape)
            let error = relativeError(
                gradients.columns(tensor.range).values.map(Double.init), answer.values.map(Double.init))
            #expect(error < 2e-5, "\(tensor.name): \(error)")
        }
    }
}
