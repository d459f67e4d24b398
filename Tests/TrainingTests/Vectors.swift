//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import LoRA
import Tensors
import Training
import Transformer

/// Known answers of PyTorch, transformers and PEFT (Tests/Vectors/README.md).
enum Vectors {
    private static let vectors =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Vectors"

    /// BERT's set.
    static let folder = vectors + "/bert"

    static func model(_ name: String) -> String { place("models", name) }

    /// What lies in a family's folder `kind`; names without a family are BERT's.
    static func place(_ kind: String, _ name: String) -> String {
        let parts = name.split(separator: "/")
        return "\(vectors)/\(parts.count > 1 ? parts[0] : "bert")/\(kind)/\(parts[parts.count - 1])"
    }

    static func read<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// One case of `cases/`: a model, an adapter on it, and what the reference makes of both.
struct KnownCase {
    struct Batch: Decodable {
        let inputIds: [[Int32]]
        let tokenTypeIds: [[Int32]]?
        /// Class numbers, or scores.
        let labels: [Double]
    }

    struct Optimiser: Decodable {
        let learningRate, headLearningRate, weightDecay, beta1, beta2, epsilon, maxGradientNorm: Double
        let schedule: String
        let warmupSteps, totalSteps: Int
    }

    struct Training: Decodable {
        let optimiser: Optimiser
        let losses, gradientNorms, learningRates: [Double]
        let batches: [Batch]
    }

    struct File: Decodable {
        let modelFolders, targetModules: [String]
        let adapterRank: Int
        let alpha: Double
        let problem: String
        let ownLayers, sharedLayers: [Int]
        let trainsPooler: Bool
        let logits: [[Double]]
        let importance: [String: Double]
        let batch: Batch
        let training: Training?
    }

    let name: String
    let file: File
    let model: BaseModel
    let trainable: TrainableModel
    let assignment: AdapterAssignment
    let expected: SafetensorsFile

    init(_ name: String) throws {
        self.name = name
        let file = try Vectors.read(File.self, Vectors.place("cases", name) + "/case.json")
        self.file = file
        let family = name.split(separator: "/").dropLast().map { "\($0)/" }.joined()
        model = try BaseModel(folder: Vectors.model(family + file.modelFolders[0]), trainPooler: file.trainsPooler)
        trainable = try model.trainable(
            lora: LoRASettings(
                adapterRank: file.adapterRank, alpha: file.alpha, targetModules: file.targetModules),
            labelCount: file.logits[0].count, sharing: .trained)
        let own = trainable.targets.filter { file.ownLayers.contains($0.layer) }
        assignment = AdapterAssignment(
            targets: trainable.targets, kept: Set(own.map(\.index)), sharesRest: true,
            projectionCount: trainable.projections.count)
        expected = try SafetensorsFile(path: Vectors.place("cases", name) + "/expected.safetensors")
    }

    var layout: ParameterLayout { trainable.layout(assignment) }

    /// A tensor's name in the files: a shared one stands there under the lowest layer that uses it.
    func fileName(_ tensor: ParameterLayout.Tensor) -> String {
        guard tensor.name.hasPrefix("shared."), let layer = file.sharedLayers.min() else { return tensor.name }
        let name = tensor.name.dropFirst("shared.".count)
        let owner = trainable.projections.first { $0.layer == layer && name.hasPrefix($0.name + ".") }
        return "base_model.model.\(owner?.path ?? "")" + name.dropFirst(owner?.name.count ?? 0)
    }

    /// The parameters of the case's adapter.
    func initialParameters() throws -> [Float] {
        let adapter = try SafetensorsFile(
            path: Vectors.place("cases", name) + "/adapter/\(PEFTAdapter.weightsFile)")
        return try layout.tensors.flatMap { tensor in
            guard let found = adapter[fileName(tensor)] else { throw MissingTensor(name: fileName(tensor)) }
            return found.values
        }
    }

    var loss: Loss { file.problem == "regression" ? .squaredError : .crossEntropy }

    func examples(_ batch: Batch) -> [TokenisedExample] {
        batch.inputIds.enumerated().map { row, tokens in
            TokenisedExample(
                index: UInt32(row), tokenIDs: tokens,
                tokenTypeIDs: batch.tokenTypeIds?[row] ?? [Int32](repeating: 0, count: tokens.count),
                target: loss == .squaredError
                    ? .score(Float(batch.labels[row])) : .classIndex(Int(batch.labels[row])))
        }
    }
}

struct MissingTensor: Error {
    let name: String
}

/// Relative distance in the Euclidean norm.
func relativeError(_ found: [Double], _ expected: [Double]) -> Double {
    precondition(found.count == expected.count, "\(found.count) against \(expected.count) values")
    let difference = zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
}

/// A folder of its own that is gone afterwards.
func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("training-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

/// The error that `body` is refused with.
func refusal(_ body: () throws -> Void) -> TrainingError? {
    do {
        try body()
        return nil
    } catch {
        return error as? TrainingError
    }
}
