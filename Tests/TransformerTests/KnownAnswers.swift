//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing
import Transformer

/// One case of `Tests/Vectors`; its README says what the keys mean.
struct KnownAnswers: Decodable {
    struct Batch: Decodable {
        let inputIds: [[Int32]]
        let tokenTypeIds: [[Int32]]?
        let labels: [Double]
    }

    let modelFolders: [String]
    let adapterRank: Int
    let alpha: Double
    let sharedLayers: [Int]
    let trainsPooler: Bool
    let batch: Batch
    let logits: [[Double]]
    let loss: Double
    let importance: [String: Double]

    /// The folder `Tests/Vectors`.
    static let vectors = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Vectors").path

    /// What lies in a family's folder `kind`; names without a family are BERT's.
    static func path(_ kind: String, _ name: String) -> String {
        let parts = name.split(separator: "/")
        return "\(vectors)/\(parts.count > 1 ? parts[0] : "bert")/\(kind)/\(parts[parts.count - 1])"
    }

    /// By family; BERT's have no family before their names.
    static let cases =
        [
            "odd-all-linear", "odd-query-value", "pairs-query-key-value", "pairs-tied", "regression", "small",
            "small-bf16", "small-f16", "small-relu", "small-trained-pooler", "xlm-roberta/small",
        ]
        + ["roberta", "distilbert", "electra"].flatMap { family in
            ["odd-all-linear", "regression", "small", "small-bf16", "small-f16", "tied"].map { "\(family)/\($0)" }
        }

    static func read(_ name: String) throws -> KnownAnswers {
        try decode(KnownAnswers.self, name)
    }

    /// Decodes the keys of a case that `Answers` has.
    static func decode<Answers: Decodable>(_: Answers.Type, _ name: String) throws -> Answers {
        let url = URL(fileURLWithPath: path("cases", name) + "/case.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Answers.self, from: Data(contentsOf: url))
    }

    static func tensors(_ name: String, _ file: String) throws -> SafetensorsFile {
        try SafetensorsFile(path: path("cases", name) + "/\(file)")
    }

    /// The model in a folder of the family that the case `name` is of.
    static func model(_ folder: String, of name: String, trainPooler: Bool) throws -> SequenceClassifier {
        let path = path("models", name.split(separator: "/").dropLast().map { "\($0)/" }.joined() + folder)
        return try SequenceClassifier(
            configuration: EncoderConfiguration(folder: path), source: ModelWeights(folder: path),
            trainPooler: trainPooler)
    }
}

extension KnownAnswers.Batch {
    var packed: PackedSequences {
        var starts = [0]
        for ids in inputIds {
            starts.append(starts[starts.count - 1] + ids.count)
        }
        let types = tokenTypeIds ?? inputIds.map { [Int32](repeating: 0, count: $0.count) }
        return PackedSequences(
            tokenIDs: Array(inputIds.joined()), tokenTypeIDs: Array(types.joined()), starts: starts,
            exampleIDs: (0..<UInt32(inputIds.count)).map { $0 })
    }
}

/// Mean loss and its gradient with respect to the logits, in 64-bit floats: cross-entropy, or the squared error
/// where there is one label.
func meanLoss(_ logits: Matrix, labels: [Double]) -> (loss: Double, gradient: Matrix) {
    let gradient = Matrix(rows: logits.rowCount, columns: logits.columnCount)
    let count = Double(logits.rowCount)
    var loss = 0.0
    for example in 0..<logits.rowCount {
        let row = (0..<logits.columnCount).map { Double(logits[example, $0]) }
        if row.count == 1 {
            let error = row[0] - labels[example]
            loss += error * error / count
            gradient[example, 0] = Float(2 * error / count)
            continue
        }
        let largest = row.max() ?? 0
        let sum = row.reduce(0) { $0 + exp($1 - largest) }
        let label = Int(labels[example])
        loss += (log(sum) + largest - row[label]) / count
        for (column, value) in row.enumerated() {
            let probability = exp(value - largest) / sum
            gradient[example, column] = Float((probability - (column == label ? 1 : 0)) / count)
        }
    }
    return (loss, gradient)
}

/// ‖found - expected‖ / ‖expected‖.
func relativeError(_ found: [Float], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    var difference = 0.0
    var norm = 0.0
    for (x, y) in zip(found, expected) {
        difference += (Double(x) - y) * (Double(x) - y)
        norm += y * y
    }
    return (difference / max(norm, .leastNormalMagnitude)).squareRoot()
}
