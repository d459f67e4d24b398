//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing
import Transformer

/// One case of Tests/Vectors/decoders.
struct DecoderAnswers: Decodable {
    struct Batch: Decodable {
        let inputIds: [[Int32]]
        /// Where each completion starts; nil where the examples have labels.
        let completions: [Int]?
        let labels: [Double]?
    }

    let model: String
    let adapterRank: Int
    let alpha: Double
    let sharedLayers: [Int]
    let batch: Batch
    let loss: Double
    let lossCount: Int
    let importance: [String: Double]

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Vectors/decoders").path

    static let languageCases = [
        "llama-query-value", "llama-biased", "llama-dynamic", "llama3-bf16", "llama-yarn-tied", "mistral-f16", "qwen2",
        "qwen3",
    ]
    static let labelCases = ["llama-labels", "qwen2-score"]

    static func read(_ name: String) throws -> DecoderAnswers {
        let url = URL(fileURLWithPath: "\(folder)/cases/\(name)/case.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(DecoderAnswers.self, from: Data(contentsOf: url))
    }

    static func tensors(_ name: String, _ file: String) throws -> SafetensorsFile {
        try SafetensorsFile(path: "\(folder)/cases/\(name)/\(file)")
    }

    static func model(_ name: String) throws -> DecoderModel {
        let path = "\(folder)/models/\(name)"
        return try DecoderModel(
            configuration: DecoderConfiguration(folder: path), source: ModelWeights(folder: path))
    }

    /// The case's model with its adapter, ready to be trained.
    func views(_ name: String, _ model: DecoderModel) throws -> DecoderViews {
        try DecoderViews(
            model: model, adapter: Self.tensors(name, "adapter/adapter_model.safetensors"),
            scale: Float(alpha / Double(adapterRank)), sharedLayers: sharedLayers)
    }

    var packed: PackedSequences { packedTexts(batch.inputIds) }
}

/// Texts end to end, numbered from 0.
func packedTexts(_ texts: [[Int32]]) -> PackedSequences {
    var starts = [0]
    for ids in texts {
        starts.append(starts[starts.count - 1] + ids.count)
    }
    let tokens = Array(texts.joined())
    return PackedSequences(
        tokenIDs: tokens, tokenTypeIDs: tokens.map { _ in 0 }, starts: starts,
        exampleIDs: (0..<UInt32(texts.count)).map { $0 })
}

/// An adapter's tensors as branches and score of a decoder, each tensor with a gradient.
struct DecoderViews {
    private(set) var branches: [LowRankBranch?] = []
    private(set) var gradients: [String: Matrix] = [:]
    private(set) var values: [String: Matrix] = [:]
    private(set) var score: DenseParameters?

    init(model: DecoderModel, adapter: SafetensorsFile, scale: Float, sharedLayers: [Int]) throws {
        var values: [String: Matrix] = [:]
        var gradients: [String: Matrix] = [:]
        func read(_ name: String) throws -> (Matrix, Matrix) {
            if let value = values[name], let gradient = gradients[name] {
                return (value, gradient)
            }
            let tensor = try #require(adapter[name], "\(name)").matrix(in: Workspace(blockSize: 1))
            let value = Matrix(rows: tensor.rowCount, columns: tensor.columnCount)
            value.copy(from: tensor)
            values[name] = value
            gradients[name] = Matrix(rows: tensor.rowCount, columns: tensor.columnCount)
            return (value, try #require(gradients[name]))
        }
        for projection in model.projections {
            let layer = sharedLayers.contains(projection.layer) ? sharedLayers[0] : projection.layer
            let owner = try #require(model.projections.first { $0.layer == layer && $0.name == projection.name })
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
        if adapter["base_model.model.score.weight"] != nil {
            let (weight, gradient) = try read("base_model.model.score.weight")
            score = DenseParameters(weight: weight, bias: nil, weightGradient: gradient)
        }
        self.values = values
        self.gradients = gradients
    }

    func clearGradients() {
        for gradient in gradients.values {
            gradient.fill(0)
        }
    }
}
