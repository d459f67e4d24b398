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

@Suite("Adapters and merged models of the families other than BERT")
struct EncoderFamilyTests {
    static let families = ["roberta", "xlm-roberta", "distilbert", "electra"]

    private static func configuration(_ model: String) throws -> EncoderConfiguration {
        try EncoderConfiguration(folder: Vectors.model(model))
    }

    @Test("targets are the family's own names; what lies outside of the layers is refused")
    func targets() throws {
        func names(_ targets: [String], _ model: String) throws -> [String] {
            try TargetModules.resolve(targets, in: Self.configuration(model), trainsPooler: true).map(\.path)
        }
        #expect(
            try names(["q_lin", "lin2"], "distilbert/small")
                == (0..<2).flatMap { layer in
                    ["attention.q_lin", "ffn.lin2"].map { "distilbert.transformer.layer.\(layer).\($0)" }
                })
        #expect(try names(["dense"], "roberta/small").count == 6)
        #expect(try names(["query"], "xlm-roberta/small")[1] == "roberta.encoder.layer.1.attention.self.query")
        #expect(try names(["dense"], "electra/odd").count == 9)
        #expect(refusal { _ = try names(["query"], "distilbert/small") }?.code == .unknownTarget)
        let projection = refusal { _ = try names(["embeddings_project"], "electra/odd") }
        #expect(projection?.code == .unsupportedTarget)
        #expect(projection?.message.contains("electra.embeddings_project") == true)
    }

    @Test("the head is PEFT's: the classifier with its dense layer, or with the pre-classifier", arguments: families)
    func head(family: String) throws {
        let configuration = try Self.configuration("\(family)/small")
        let head = HeadShape(configuration: configuration, labelCount: 3)
        #expect(
            head.layers.map(\.path)
                == (family == "distilbert"
                    ? ["pre_classifier", "classifier"] : ["classifier.dense", "classifier.out_proj"]))
        #expect(head.savedModules == [])
    }

    @Test("an adapter may name the pre-classifier among modules_to_save, and no module that is not its head's")
    func modulesToSave() throws {
        func read(_ name: String, saving modules: String) throws {
            try withFolder { folder in
                let source = Vectors.adapter(name)
                let text = try String(contentsOfFile: "\(source)/adapter_config.json", encoding: .utf8)
                try FileManager.default.copyItem(
                    atPath: "\(source)/adapter_model.safetensors", toPath: "\(folder)/adapter_model.safetensors")
                try PEFTRefusalTests.set("modules_to_save", modules, in: text).write(
                    toFile: "\(folder)/adapter_config.json", atomically: true, encoding: .utf8)
                _ = try PEFTAdapter(
                    folder: folder, configuration: Self.configuration(name), fingerprint: { Digest(of: [UInt8(0)]) })
            }
        }
        try read("distilbert/small", saving: "[\"pre_classifier\", \"classifier\"]")
        for (name, modules) in [
            ("distilbert/small", "[\"pooler\"]"), ("roberta/small", "[\"pooler\"]"),
            ("electra/small", "[\"embeddings_project\"]"),
        ] {
            #expect(refusal { try read(name, saving: modules) }?.code == .unsupportedAdapter, "\(name): \(modules)")
        }
    }

    @Test(
        "a merged model has the tensors of the family's classifier, whatever else its base had", arguments: families,
        ["small-no-prefix", "small-masked-lm"])
    func merged(family: String, base: String) throws {
        try withFolder { folder in
            try MergedModel.write(
                baseFolder: Vectors.model("\(family)/\(base)"), adapterFolder: Vectors.adapter("\(family)/small"),
                to: folder + "/merged")
            let merged = try ModelWeights(folder: folder + "/merged")
            let whole = try ModelWeights(folder: Vectors.model("\(family)/small"))
            #expect(merged.names.sorted() == whole.names.sorted())
            let file = try ConfigurationFile(path: folder + "/merged/config.json")
            let name = ["roberta": "Roberta", "xlm-roberta": "XLMRoberta", "distilbert": "DistilBert"][family]
            #expect(file["architectures"]?.text == "[\"\(name ?? "Electra")ForSequenceClassification\"]")
        }
    }
}
