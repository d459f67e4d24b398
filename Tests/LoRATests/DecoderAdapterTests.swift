//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Foundation
import JSONText
import LoRA
import Tensors
import Testing
import Transformer

struct DecoderAdapterTests {
    private static let languageCases = [
        "llama-query-value", "llama-biased", "llama3-bf16", "llama-yarn-tied", "mistral-f16", "qwen2", "qwen3",
    ]
    private static let labelCases = ["llama-labels", "qwen2-score"]

    private static let folder =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().path + "/Vectors/decoders"

    private struct Case: Decodable {
        let model: String
        let batch: Batch

        struct Batch: Decodable {
            let inputIds: [[Int32]]
            let completions: [Int]?
        }
    }

    private static func read(_ name: String) throws -> (known: Case, base: String, adapter: String) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let place = "\(folder)/cases/\(name)"
        let known = try decoder.decode(Case.self, from: Data(contentsOf: URL(fileURLWithPath: place + "/case.json")))
        return (known, "\(folder)/models/\(known.model)", place + "/adapter")
    }

    private static func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    @Test(
        "what PEFT wrote for a decoder is read and written again byte for byte", arguments: languageCases + labelCases)
    func roundTrip(name: String) throws {
        let (_, base, place) = try Self.read(name)
        let configuration = try BaseConfigurations.read(folder: base)
        let adapter = try PEFTAdapter(folder: place, configuration: configuration) { Digest(of: [UInt8(1)]) }
        #expect(adapter.labelCount == (name == "llama-labels" ? 3 : name == "qwen2-score" ? 1 : 0))
        try withFolder { folder in
            try PEFTAdapter.write(
                adapter.parameters, settings: adapter.settings, projections: configuration.projections, baseModel: "",
                record: nil, to: folder)
            for file in [PEFTAdapter.weightsFile, PEFTAdapter.configurationFile] {
                #expect(try Self.bytes("\(folder)/\(file)") == Self.bytes("\(place)/\(file)"), "\(file)")
            }
        }
    }

    @Test("a merged decoder says what the base says with the adapter", arguments: languageCases)
    func merged(name: String) throws {
        let (known, base, adapter) = try Self.read(name)
        try withFolder { folder in
            let place = folder + "/merged"
            try MergedModel.write(baseFolder: base, adapterFolder: adapter, to: place)
            let (before, after) = try (
                ConfigurationFile(path: base + "/config.json"), ConfigurationFile(path: place + "/config.json")
            )
            #expect(after["architectures"] == before["architectures"])
            #expect(after["dtype"]?.string == "float32")
            #expect(after["id2label"] == before["id2label"])
            let model = try DecoderModel(
                configuration: DecoderConfiguration(folder: place), source: ModelWeights(folder: place))
            let tokens = Array(known.batch.inputIds.joined())
            var starts = [0]
            for text in known.batch.inputIds {
                starts.append(starts[starts.count - 1] + text.count)
            }
            let batch = PackedSequences(
                tokenIDs: tokens, tokenTypeIDs: tokens.map { _ in 0 }, starts: starts,
                exampleIDs: (0..<UInt32(starts.count - 1)).map { $0 })
            let workspace = Workspace()
            let logits = model.logits(
                of: model.forward(
                    batch, branches: model.projections.map { _ in nil },
                    reads: .completions(first: try #require(known.batch.completions)), forBackward: false,
                    workspace: workspace
                ).hidden, workspace: workspace)
            let file = try SafetensorsFile(path: "\(Self.folder)/cases/\(name)/expected.safetensors")
            let expected = try #require(file["logits"]).values
            let error = zip(logits.values, expected).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
            let norm = expected.reduce(0.0) { $0 + Double($1 * $1) }
            #expect(logits.count == expected.count && error < 4e-10 * norm)
        }
    }

    @Test("an adapter for another kind of task is refused with what was expected")
    func refusals() throws {
        let (_, base, place) = try Self.read("qwen3")
        func refusal(_ model: String, _ changes: [String: Any]) throws -> LoRAError? {
            try withFolder { folder in
                let file = URL(fileURLWithPath: "\(place)/\(PEFTAdapter.configurationFile)")
                var members = try #require(
                    JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
                members.merge(changes) { $1 }
                try JSONSerialization.data(withJSONObject: members).write(
                    to: URL(fileURLWithPath: "\(folder)/\(PEFTAdapter.configurationFile)"))
                try FileManager.default.copyItem(
                    atPath: "\(place)/\(PEFTAdapter.weightsFile)", toPath: "\(folder)/\(PEFTAdapter.weightsFile)")
                return #expect(throws: LoRAError.self) {
                    try PEFTAdapter(folder: folder, configuration: BaseConfigurations.read(folder: model)) {
                        Digest(of: [UInt8(1)])
                    }
                }
            }
        }
        #expect(try refusal(Vectors.model("small"), [:])?.message.contains("SEQ_CLS") == true)
        #expect(try refusal(base, ["task_type": "SEQ_CLS"])?.message.contains("score.weight") == true)
        #expect(try refusal(base, ["modules_to_save": ["lm_head"]])?.message.contains("lm_head") == true)
        #expect(try refusal(base, ["target_modules": ["lm_head"]])?.message.contains("lm_head") == true)
    }
}
