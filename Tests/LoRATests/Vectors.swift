//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LoRA
import Tensors
import Transformer

/// Known answers of PyTorch, transformers and PEFT (Tests/Vectors/README.md).
enum Vectors {
    /// What lies in a family's folder `kind`; names without a family are BERT's.
    private static func path(_ kind: String, _ name: String) -> String {
        let parts = name.split(separator: "/")
        let vectors = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        return "\(vectors)/Vectors/\(parts.count > 1 ? parts[0] : "bert")/\(kind)/\(parts[parts.count - 1])"
    }

    static func model(_ name: String) -> String { path("models", name) }

    static func adapter(_ name: String) -> String { path("cases", name) + "/adapter" }

    static func expected(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(path: path("cases", name) + "/expected.safetensors")
    }

    /// By family; BERT's have no family before their names.
    static let caseNames =
        [
            "odd-all-linear", "odd-query-value", "pairs-query-key-value", "pairs-tied", "regression", "small",
            "small-bf16", "small-f16", "small-relu", "small-trained-pooler", "xlm-roberta/small",
        ]
        + ["roberta", "distilbert", "electra"].flatMap { family in
            ["odd-all-linear", "regression", "small", "small-bf16", "small-f16", "tied"].map { "\(family)/\($0)" }
        }

    /// One case of `cases/`.
    struct Case: Decodable {
        struct Batch: Decodable {
            let inputIDs: [[Int32]]
            let tokenTypeIDs: [[Int32]]?
            /// Class numbers, or scores.
            let labels: [Double]

            enum CodingKeys: String, CodingKey {
                case inputIDs = "input_ids"
                case tokenTypeIDs = "token_type_ids"
                case labels
            }

            var packed: PackedSequences {
                var starts = [0]
                for row in inputIDs {
                    starts.append(starts[starts.count - 1] + row.count)
                }
                let tokens = inputIDs.flatMap(\.self)
                return PackedSequences(
                    tokenIDs: tokens, tokenTypeIDs: tokenTypeIDs?.flatMap(\.self) ?? tokens.map { _ in 0 },
                    starts: starts, exampleIDs: inputIDs.indices.map(UInt32.init))
            }
        }

        var modelFolders: [String]
        /// "classification" or "regression".
        let problem: String
        let targetModules: [String]
        let ownLayers: [Int]
        let sharedLayers: [Int]
        let trainsPooler: Bool
        let batch: Batch
        let logits: [[Double]]
        let importance: [String: Double]

        enum CodingKeys: String, CodingKey {
            case modelFolders = "model_folders"
            case problem
            case targetModules = "target_modules"
            case ownLayers = "own_layers"
            case sharedLayers = "shared_layers"
            case trainsPooler = "trains_pooler"
            case batch
            case logits
            case importance
        }
    }

    /// A case, its model folders with the family before their names where the case has one.
    static func knownCase(_ name: String) throws -> Case {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path("cases", name) + "/case.json"))
        var known = try JSONDecoder().decode(Case.self, from: bytes)
        let family = name.split(separator: "/").dropLast().map { "\($0)/" }.joined()
        known.modelFolders = known.modelFolders.map { family + $0 }
        return known
    }
}

/// A folder of its own that is gone afterwards.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "/lora-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

/// The code that `body` is refused with, and the message.
func refusal(_ body: () throws -> Void) -> LoRAError? {
    do {
        try body()
        return nil
    } catch {
        return error as? LoRAError
    }
}

/// Relative distance in the Euclidean norm.
func relativeError(_ found: [Double], _ expected: [Double]) -> Double {
    precondition(found.count == expected.count, "\(found.count) against \(expected.count) values")
    let difference = zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
}

/// A BERT of any size, without weights.
func bertConfiguration(layers: Int, hidden: Int = 8, intermediate: Int = 12) throws -> EncoderConfiguration {
    let json = """
        {"model_type": "bert", "hidden_size": \(hidden), "num_attention_heads": 2, "num_hidden_layers": \(layers),
         "intermediate_size": \(intermediate), "vocab_size": 30, "max_position_embeddings": 16, "type_vocab_size": 2,
         "hidden_act": "gelu", "layer_norm_eps": 1e-12}
        """
    return try EncoderConfiguration(json: Data(json.utf8), file: "config.json")
}
