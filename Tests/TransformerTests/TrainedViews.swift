//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing
import Transformer

/// Branches and head read from an adapter in PEFT's form, each tensor with a gradient under PEFT's name.
struct TrainedViews {
    private(set) var branches: [LowRankBranch?] = []
    /// Copies of the adapter's tensors, so that they can be trained.
    private(set) var values: [String: Matrix] = [:]
    private(set) var gradients: [String: Matrix] = [:]
    let head: HeadParameters

    /// - Parameter sharedLayers: Layers whose branches are those of the first of them.
    init(
        model: SequenceClassifier, adapter: SafetensorsFile, scale: Float, sharedLayers: [Int], trainsPooler: Bool
    ) throws {
        var values: [String: Matrix] = [:]
        var gradients: [String: Matrix] = [:]
        func read(_ name: String) throws -> (Matrix, Matrix) {
            if let value = values[name], let gradient = gradients[name] {
                return (value, gradient)
            }
            let tensor = try #require(adapter[name], "\(name)").matrix(in: Workspace(blockSize: 1))
            let value = Matrix(rows: tensor.rowCount, columns: tensor.columnCount)
            value.copy(from: tensor)
            let gradient = Matrix(rows: tensor.rowCount, columns: tensor.columnCount)
            values[name] = value
            gradients[name] = gradient
            return (value, gradient)
        }
        func dense(_ path: String) throws -> DenseParameters {
            let (weight, weightGradient) = try read("base_model.model.\(path).weight")
            let (bias, biasGradient) = try read("base_model.model.\(path).bias")
            return DenseParameters(
                weight: weight, bias: bias, weightGradient: weightGradient, biasGradient: biasGradient)
        }
        for projection in model.projections {
            let layer = sharedLayers.contains(projection.layer) ? sharedLayers[0] : projection.layer
            let owner = try #require(
                model.projections.first { $0.layer == layer && $0.role == projection.role })
            guard adapter["base_model.model.\(owner.path).lora_A.weight"] != nil else {
                branches.append(nil)
                continue
            }
            let (down, downGradient) = try read("base_model.model.\(owner.path).lora_A.weight")
            let (up, upGradient) = try read("base_model.model.\(owner.path).lora_B.weight")
            branches.append(
                LowRankBranch(
                    down: down, up: up, downGradient: downGradient, upGradient: upGradient, scale: scale))
        }
        let family = model.configuration.family
        head = HeadParameters(
            classifier: try dense(family.classifier), pooler: trainsPooler ? try dense(family.pooler.path) : nil)
        self.values = values
        self.gradients = gradients
    }
}
