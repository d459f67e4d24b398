//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Randomness
import Tensors
import Testing
import Transformer

/// A source of random weights in memory, as many as are asked for.
struct RandomWeights: WeightSource {
    let location = "memory"
    var prefix = ""
    var hasPooler = true

    func contains(_ name: String) -> Bool {
        name.hasPrefix(prefix) && (prefix != "" || !name.hasPrefix("bert.")) && !name.hasSuffix(".gamma")
            && (hasPooler || !name.contains("pooler"))
    }

    func weight(_ name: String, shape: [Int]) throws -> any FrozenWeight {
        let count = shape.reduce(1, *)
        // Every tensor its own numbers, by its name and without the hash of a Swift string, which changes by run.
        let seed = name.dropFirst(prefix.count).utf8.reduce(5381 as UInt64) { $0 &* 33 &+ UInt64($1) }
        let isGain = name.hasSuffix("LayerNorm.weight") || name.hasSuffix("layer_norm.weight")
        return Matrix(
            rows: shape.count == 1 ? 1 : shape[0], columns: shape[shape.count - 1],
            values: RandomStream(seed: seed, purpose: .headInitialisation).uniform(
                count: count, low: isGain ? 0.7 : -0.35, high: isGain ? 1.3 : 0.35))
    }
}

/// A config.json; `changes` replaces values as they stand in JSON, an empty one removes the key.
func configurationJSON(_ changes: [String: String] = [:]) -> Data {
    var values = [
        "model_type": "\"bert\"", "hidden_size": "20", "num_attention_heads": "4", "num_hidden_layers": "3",
        "intermediate_size": "28", "vocab_size": "50", "max_position_embeddings": "24", "type_vocab_size": "2",
        "layer_norm_eps": "1e-12", "hidden_act": "\"gelu\"",
    ]
    values.merge(changes) { $1 }
    let pairs = values.filter { $0.value != "" }.map { "\"\($0.key)\": \($0.value)" }.sorted()
    return Data("{\(pairs.joined(separator: ", "))}".utf8)
}

/// A random model with a random branch on every projection and a random head, and gradients for all of them.
struct RandomModel {
    let model: SequenceClassifier
    /// The numbers of all that is trained, by name, and their gradients.
    private(set) var parameters: [(name: String, value: Matrix, gradient: Matrix)] = []
    private(set) var branches: [LowRankBranch?] = []
    private(set) var head: HeadParameters

    static let labels = 3

    /// A model of a family, with all keys that any of them asks for.
    init(modelType: String) throws {
        let more = [
            "model_type": "\"\(modelType)\"", "embedding_size": "20", "dim": "20", "n_heads": "4", "n_layers": "3",
            "hidden_dim": "28", "activation": "\"gelu\"", "max_position_embeddings": "30",
        ]
        try self.init(more, trainPooler: modelType != "bert")
    }

    /// - Parameters:
    ///   - changes: Of the configuration.
    ///   - sharedLayers: Layers whose branches are one a role.
    ///   - trainPooler: Whether the pooler is part of the head.
    ///   - trains: Which projections have a gradient; the others have a branch that is frozen.
    init(
        _ changes: [String: String] = [:], sharedLayers: [Int] = [], trainPooler: Bool = false,
        trains: (ProjectionDescription) -> Bool = { _ in true }
    ) throws {
        model = try SequenceClassifier(
            configuration: EncoderConfiguration(json: configurationJSON(changes), file: "config.json"),
            source: RandomWeights(), trainPooler: trainPooler)
        var parameters: [(name: String, value: Matrix, gradient: Matrix)] = []
        func parameter(_ name: String, _ rows: Int, _ columns: Int) -> (Matrix, Matrix) {
            if let known = parameters.first(where: { $0.name == name }) {
                return (known.value, known.gradient)
            }
            let seed = name.utf8.reduce(17 as UInt64) { $0 &* 33 &+ UInt64($1) }
            let value = Matrix(
                rows: rows, columns: columns,
                values: RandomStream(seed: seed, purpose: .adapterInitialisation).uniform(
                    count: rows * columns, low: -0.4, high: 0.4))
            parameters.append((name, value, Matrix(rows: rows, columns: columns)))
            return (value, parameters[parameters.count - 1].gradient)
        }
        let size = model.configuration.hiddenSize
        let (weight, weightGradient) = parameter("classifier.weight", Self.labels, size)
        let (bias, biasGradient) = parameter("classifier.bias", 1, Self.labels)
        var pooler: DenseParameters?
        if trainPooler {
            let (weight, weightGradient) = parameter("pooler.weight", size, size)
            let (bias, biasGradient) = parameter("pooler.bias", 1, size)
            pooler = DenseParameters(
                weight: weight, bias: bias, weightGradient: weightGradient, biasGradient: biasGradient)
        }
        head = HeadParameters(
            classifier: DenseParameters(
                weight: weight, bias: bias, weightGradient: weightGradient, biasGradient: biasGradient),
            pooler: pooler)
        for projection in model.projections {
            let owner = sharedLayers.contains(projection.layer) ? sharedLayers[0] : projection.layer
            let name = "\(owner).\(projection.name)"
            let (down, downGradient) = parameter("\(name).A", 3, projection.inputSize)
            let (up, upGradient) = parameter("\(name).B", projection.outputSize, 3)
            let trained = trains(projection)
            branches.append(
                LowRankBranch(
                    down: down, up: up, downGradient: trained ? downGradient : nil,
                    upGradient: trained ? upGradient : nil, scale: 1.5))
        }
        self.parameters = parameters
    }

    /// Σ weights·logits, weights a fixed function of example and label.
    func objective(
        _ batch: PackedSequences, reads: TokensRead = .firstTokenOnly, dropout: InputDropout? = nil
    ) -> Double {
        let workspace = Workspace()
        return workspace.scope {
            let pass = model.forward(
                batch, branches: branches, head: head, dropout: dropout, reads: reads, workspace: workspace)
            let weights = Self.weights(batch).values
            return zip(pass.logits.values, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
    }

    /// Adds the gradient of `objective`; returns the logits.
    /// - Parameter poisonsScratch: Whether NaN is written, between forward and backward, to what forward gave back.
    @discardableResult
    func addGradients(
        _ batch: PackedSequences, reads: TokensRead = .firstTokenOnly, dropout: InputDropout? = nil,
        workspace: Workspace = Workspace(), poisonsScratch: Bool = false
    ) -> [Float] {
        workspace.scope {
            let pass = model.forward(
                batch, branches: branches, head: head, dropout: dropout, reads: reads, workspace: workspace)
            if poisonsScratch {
                workspace.scratch.scope {
                    for _ in 0..<200 {
                        workspace.scratch.matrix(rows: 97, columns: 31).fill(.nan)
                    }
                }
            }
            model.backward(pass, logitsGradient: Self.weights(batch))
            return pass.logits.values
        }
    }

    func gradient(_ name: String) -> [Float] {
        parameters.first { $0.name == name }?.gradient.values ?? []
    }

    func clearGradients() {
        for parameter in parameters {
            parameter.gradient.fill(0)
        }
    }

    private static func weights(_ batch: PackedSequences) -> Matrix {
        let result = Matrix(rows: batch.exampleCount, columns: labels)
        for (row, example) in batch.exampleIDs.enumerated() {
            result.rows(row..<row + 1).copy(
                from: RandomStream(seed: UInt64(example), purpose: .randomScore).uniform(
                    count: labels, low: -1, high: 1))
        }
        return result
    }
}

/// Examples with these numbers of tokens; what example number `n` holds depends on n alone.
func examples(_ lengths: [(id: UInt32, length: Int)]) -> PackedSequences {
    var batch = PackedSequences(tokenIDs: [], tokenTypeIDs: [], starts: [0], exampleIDs: [])
    for (id, length) in lengths {
        for token in 0..<length {
            batch.tokenIDs.append(Int32((Int(id) * 31 + token * 7) % 50))
            batch.tokenTypeIDs.append(token * 2 > length ? 1 : 0)
        }
        batch.starts.append(batch.tokenIDs.count)
        batch.exampleIDs.append(id)
    }
    return batch
}

let oddExamples = examples([(3, 5), (9, 1), (4, 17), (12, 8), (7, 2)])
