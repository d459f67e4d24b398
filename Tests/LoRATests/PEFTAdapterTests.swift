//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
import Foundation
import LoRA
import Tensors
import Testing
import Transformer

private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

/// A digest for tests that need no base model.
private let someDigest = Digest(of: [UInt8(1)])

struct PEFTAdapterTests {
    static func configuration(of name: String) throws -> EncoderConfiguration {
        try EncoderConfiguration(folder: Vectors.model(try Vectors.knownCase(name).modelFolders[0]))
    }

    static func read(_ name: String) throws -> (PEFTAdapter, EncoderConfiguration) {
        let configuration = try configuration(of: name)
        let adapter = try PEFTAdapter(
            folder: Vectors.adapter(name), configuration: configuration, fingerprint: { someDigest })
        return (adapter, configuration)
    }

    @Test("what PEFT wrote is read and written again byte for byte", arguments: Vectors.caseNames)
    func roundTrip(name: String) throws {
        let (adapter, configuration) = try Self.read(name)
        #expect(adapter.settings.adapterRank == 4)
        #expect(adapter.scale == 2)
        #expect(adapter.record == nil)
        let known = try Vectors.knownCase(name)
        #expect(adapter.trainsPooler == known.trainsPooler)
        try withFolder { folder in
            try PEFTAdapter.write(
                adapter.parameters, settings: adapter.settings, projections: configuration.projections, baseModel: "",
                record: nil, to: folder)
            for file in [PEFTAdapter.weightsFile, PEFTAdapter.configurationFile] {
                #expect(try bytes("\(folder)/\(file)") == bytes("\(Vectors.adapter(name))/\(file)"), "\(file)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
        }
    }

    /// An adapter of our own with random numbers: query and value, layer 1 kept.
    static func own(
        shares: Bool, trainsPooler: Bool = false
    ) throws -> (
        TrainableParameters, LoRASettings, EncoderConfiguration, [ProjectionDescription]
    ) {
        let configuration = try bertConfiguration(layers: 3)
        let settings = LoRASettings(adapterRank: 3, alpha: 4.5, dropout: 0.1)
        let layout = try ParameterLayoutTests.layout(
            configuration, targets: settings.targetModules, kept: [1], shares: shares, trainsPooler: trainsPooler)
        var draws = TestDraws(state: 3)
        let values = (0..<layout.count).map { _ in Float.random(in: -1...1, using: &draws) }
        let targets = try TargetModules.resolve(
            settings.targetModules, in: configuration, trainsPooler: trainsPooler)
        return (TrainableParameters(layout, values: values, scale: settings.scale), settings, configuration, targets)
    }

    static func record(
        _ parameters: TrainableParameters, _ targets: [ProjectionDescription], fingerprint: Digest = someDigest
    ) throws -> LoRADropRecord {
        var sums = [Int64](repeating: 0, count: parameters.branches.count)
        for target in targets {
            sums[target.index] = target.layer == 1 ? 45 : Int64(target.layer) + 1
        }
        let settings = LoRADropSettings()
        let decision = try LayerDecision(sums: sums, targets: targets, settings: settings, seed: 42)
        return LoRADropRecord(
            fingerprint: fingerprint, task: "classification", labels: ["no", "yes \u{1F642}"], seed: .max,
            settings: settings, sharing: .trained, maximumSequenceLength: 64, shardTokens: 96, decision: decision,
            targets: targets, layout: parameters.layout)
    }

    @Test("a shared LoRA stands under every layer that uses it, and comes back so")
    func shared() throws {
        let (parameters, settings, configuration, targets) = try Self.own(shares: true, trainsPooler: true)
        try withFolder { folder in
            let record = try Self.record(parameters, targets)
            func write(to folder: String) throws {
                try PEFTAdapter.write(
                    parameters, settings: settings, projections: configuration.projections, baseModel: "base/model",
                    record: record, to: folder)
            }
            try write(to: folder + "/a/deep")
            try write(to: folder + "/b")
            for file in [PEFTAdapter.weightsFile, PEFTAdapter.configurationFile, LoRADropRecord.fileName] {
                #expect(try bytes("\(folder)/a/deep/\(file)") == bytes("\(folder)/b/\(file)"))
            }
            let file = try SafetensorsFile(path: "\(folder)/b/\(PEFTAdapter.weightsFile)")
            #expect(file.names.count == 3 * 2 * 2 + 4)
            func tensor(_ layer: Int, _ name: String) throws -> [Float] {
                try #require(
                    file["base_model.model.bert.encoder.layer.\(layer).attention.self.\(name).weight"]
                ).values
            }
            for name in ["query.lora_A", "query.lora_B", "value.lora_A", "value.lora_B"] {
                #expect(try tensor(0, name) == tensor(2, name))
                #expect(try tensor(0, name) != tensor(1, name))
            }
            let text = try String(contentsOfFile: "\(folder)/b/\(PEFTAdapter.configurationFile)", encoding: .utf8)
            for line in [
                "  \"base_model_name_or_path\": \"base/model\",", "  \"lora_alpha\": 4.5,", "  \"lora_dropout\": 0.1,",
                "  \"r\": 3,", "    \"pooler\",", "    \"query\",\n    \"value\"\n  ],",
            ] {
                #expect(text.contains(line + "\n"), "\(line)")
            }

            let again = try PEFTAdapter(
                folder: folder + "/b", configuration: configuration, fingerprint: { someDigest })
            #expect(again.settings == settings)
            #expect(again.scale == settings.scale)
            #expect(again.labelCount == 2)
            #expect(again.record == record)
            for (found, written) in zip(again.parameters.branches, parameters.branches) {
                #expect(found?.down.values == written?.down.values)
                #expect(found?.up.values == written?.up.values)
            }
            #expect(again.parameters.head.classifier?.weight.values == parameters.head.classifier?.weight.values)
            #expect(again.parameters.head.pooler?.bias?.values == parameters.head.pooler?.bias?.values)
        }
    }

    @Test("layers without a LoRA are left out, and the targets are then full paths")
    func dropped() throws {
        let (parameters, settings, configuration, _) = try Self.own(shares: false)
        try withFolder { folder in
            try PEFTAdapter.write(
                parameters, settings: settings, projections: configuration.projections, baseModel: nil, record: nil,
                to: folder)
            let file = try SafetensorsFile(path: "\(folder)/\(PEFTAdapter.weightsFile)")
            #expect(file.names.count == 6)
            let again = try PEFTAdapter(folder: folder, configuration: configuration, fingerprint: { someDigest })
            #expect(
                again.settings.targetModules == [
                    "bert.encoder.layer.1.attention.self.query", "bert.encoder.layer.1.attention.self.value",
                ])
            #expect(again.parameters.branches.compactMap(\.self).count == 2)
            #expect(again.values == parameters.values.values)
        }
    }

    @Test("an adapter without any LoRA is not written")
    func nothing() throws {
        let configuration = try bertConfiguration(layers: 2)
        let layout = try ParameterLayoutTests.layout(configuration, targets: ["query"], kept: [], shares: false)
        let parameters = TrainableParameters(
            layout, values: [Float](repeating: 0, count: layout.count), scale: 1)
        try withFolder { folder in
            let error = refusal {
                try PEFTAdapter.write(
                    parameters, settings: LoRASettings(targetModules: ["query"]),
                    projections: configuration.projections, baseModel: nil, record: nil, to: folder + "/adapter")
            }
            #expect(error?.code == .nothingToTrain)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left.isEmpty)
        }
    }

    @Test("the record says what was kept, shared and dropped, and is refused in another version")
    func record() throws {
        let (parameters, _, _, targets) = try Self.own(shares: true)
        let record = try Self.record(parameters, targets)
        #expect(record.keptLayers == [1])
        #expect(record.sharedLayers == [0, 2])
        #expect(record.droppedLayers == [])
        #expect(record.layers.map(\.layer) == [0, 1, 2])
        #expect(record.layers[1].importance == 0.9183673469387755)
        #expect(record.layers[1].modules["attention.self.query"]?.adapter == "own")
        #expect(record.layers[2].modules["attention.self.value"]?.adapter == "shared")
        #expect(record.plainParameterCount == 3 * 2 * 3 * 16)
        #expect(record.trainedParameterCount == 2 * 2 * 3 * 16)
        let (dropped, _, _, _) = try Self.own(shares: false)
        #expect(try Self.record(dropped, targets).droppedLayers == [0, 2])
        try withFolder { folder in
            #expect(try LoRADropRecord.read(from: folder) == nil)
            try record.write(to: folder)
            #expect(try LoRADropRecord.read(from: folder) == record)
            let path = "\(folder)/\(LoRADropRecord.fileName)"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            // What is not the highest precision is named.
            #expect(!text.contains("matmul_precision"))
            var split = record
            split.matmulPrecision = .high
            try split.write(to: folder)
            #expect(try LoRADropRecord.read(from: folder)?.matmulPrecision == .high)
            for (change, replacement) in [
                ("\"format_version\" : 2", "\"format_version\" : 3"), ("\"seed\"", "\"sead\""), ("{", "["),
                ("\"max_sequence_length\" : 64", "\"max_sequence_length\" : 0"),
                ("\"shared_lora\" : \"trained\"", "\"shared_lora\" : \"lost\""),
                ("\"seed\"", "\"matmul_precision\" : \"low\",\n  \"seed\""),
            ] {
                try AtomicFile.write(text.replacingOccurrences(of: change, with: replacement), to: path)
                #expect(refusal { _ = try LoRADropRecord.read(from: folder) }?.code == .badAdapter, "\(replacement)")
            }
        }
    }

    @Test("an adapter for another base model is refused")
    func otherBaseModel() throws {
        let (parameters, settings, configuration, targets) = try Self.own(shares: true)
        try withFolder { folder in
            try PEFTAdapter.write(
                parameters, settings: settings, projections: configuration.projections, baseModel: nil,
                record: try Self.record(parameters, targets), to: folder)
            let other = Digest(of: [UInt8(2)])
            let error = refusal {
                _ = try PEFTAdapter(folder: folder, configuration: configuration, fingerprint: { other })
            }
            #expect(error?.code == .otherBaseModel)
            #expect(error?.message.contains(other.description) == true)
        }
    }

    @Test("a fingerprint is of the weights, however they are cut into files")
    func fingerprint() throws {
        func of(_ name: String) throws -> Digest {
            BaseModelFingerprint.of(try ModelWeights(folder: Vectors.model(name)))
        }
        #expect(try of("small") == of("small-sharded"))
        #expect(
            Set(try ["small", "small-f16", "small-bf16", "small-relu", "small-no-prefix"].map(of)).count == 5)
    }
}
