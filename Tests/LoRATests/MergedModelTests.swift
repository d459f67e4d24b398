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

struct MergedModelTests {
    static func adapterWithRecord(_ folder: String, labels: [String], fingerprint: Digest? = nil) throws {
        let source = Vectors.adapter("small")
        for file in [PEFTAdapter.configurationFile, PEFTAdapter.weightsFile] {
            try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: "\(folder)/\(file)")
        }
        let configuration = try EncoderConfiguration(folder: Vectors.model("small"))
        let targets = try TargetModules.resolve(["query", "value"], in: configuration, trainsPooler: false)
        let layout = ParameterLayout(
            assignment: AdapterAssignment(ownTargets: targets, projectionCount: configuration.projections.count),
            adapterRank: 4, projections: configuration.projections,
            head: HeadShape(configuration: configuration, labelCount: 3))
        let base = try ModelWeights(folder: Vectors.model("small"))
        try LoRADropRecord(
            fingerprint: fingerprint ?? BaseModelFingerprint.of(base), task: "classification", labels: labels,
            seed: 1, settings: LoRADropSettings(), sharing: .trained, maximumSequenceLength: 16, shardTokens: 32,
            decision: nil, targets: targets, layout: layout
        ).write(to: folder)
    }

    @Test("a merged folder has the labels, the tokenizer and the rest of the base's configuration")
    func folder() throws {
        try withFolder { folder in
            let adapter = folder + "/adapter"
            try FileManager.default.createDirectory(atPath: adapter, withIntermediateDirectories: true)
            try Self.adapterWithRecord(adapter, labels: ["bad", "\"so\" so", "good"])
            try MergedModel.write(
                baseFolder: Vectors.model("small"), adapterFolder: adapter, to: folder + "/merged")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder + "/merged").sorted()
                    == ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"])
            let file = try ConfigurationFile(path: folder + "/merged/config.json")
            let base = try ConfigurationFile(path: Vectors.model("small") + "/config.json")
            #expect(file["id2label"]?.text == "{\"0\":\"bad\",\"1\":\"\\\"so\\\" so\",\"2\":\"good\"}")
            #expect(file["label2id"]?.text == "{\"bad\":0,\"\\\"so\\\" so\":1,\"good\":2}")
            #expect(file["problem_type"]?.string == "single_label_classification")
            #expect(file["dtype"]?.string == "float32")
            let changed: Set = ["id2label", "label2id", "problem_type", "dtype"]
            #expect(
                base.members.filter { !changed.contains($0.key) } == file.members.filter { !changed.contains($0.key) })
            _ = try EncoderConfiguration(folder: folder + "/merged")

            let again = #expect(throws: TensorFileError.self) {
                try MergedModel.write(
                    baseFolder: Vectors.model("small"), adapterFolder: adapter, to: folder + "/merged")
            }
            #expect(again?.code == .inputOutput)
        }
    }

    @Test(
        "a bare encoder becomes a classifier, of PEFT's adapter and without labels of its own",
        arguments: [
            ("regression", "regression", 1), ("small-no-prefix", "small", 3),
        ])
    func bareEncoder(model: String, adapter: String, labelCount: Int) throws {
        try withFolder { folder in
            try MergedModel.write(
                baseFolder: Vectors.model(model), adapterFolder: Vectors.adapter(adapter), to: folder)
            let file = try ConfigurationFile(path: folder + "/config.json")
            #expect(file["architectures"]?.text == "[\"BertForSequenceClassification\"]")
            #expect(file["id2label"]?.members?.count == labelCount)
            #expect(file["id2label"]?["0"]?.string == "LABEL_0")
            #expect(
                file["problem_type"]?.string == (labelCount == 1 ? "regression" : "single_label_classification"))
        }
    }

    @Test("nothing is written for another base model")
    func otherBaseModel() throws {
        try withFolder { folder in
            let adapter = folder + "/adapter"
            try FileManager.default.createDirectory(atPath: adapter, withIntermediateDirectories: true)
            try Self.adapterWithRecord(adapter, labels: ["a", "b", "c"], fingerprint: Digest(of: [UInt8(3)]))
            let error = refusal {
                try MergedModel.write(
                    baseFolder: Vectors.model("small"), adapterFolder: adapter, to: folder + "/merged")
            }
            #expect(error?.code == .otherBaseModel)
            #expect(!FileManager.default.fileExists(atPath: folder + "/merged"))
        }
    }
}
