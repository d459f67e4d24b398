//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing
import Transformer

@Suite("Base models that are accepted and refused")
struct ModelFolderTests {
    private static func refusal(_ changes: [String: String]) -> TransformerError? {
        do {
            _ = try EncoderConfiguration(json: configurationJSON(changes), file: "m/config.json")
            return nil
        } catch {
            return error
        }
    }

    @Test("a sound configuration is read")
    func sound() throws {
        let configuration = try EncoderConfiguration(
            json: configurationJSON(["initializer_range": "0.5", "pad_token_id": "3", "use_cache": "true"]),
            file: "config.json")
        #expect(configuration.family.modelType == "bert")
        #expect(configuration.headSize == 5)
        #expect(configuration.layerCount == 3)
        #expect(configuration.initializerRange == 0.5)
        #expect(configuration.padTokenID == 3)
        #expect(configuration.activation == .gelu)
    }

    @Test(
        "what is wrong is named, with file and key",
        arguments: [
            (["hidden_size": ""], TransformerError.Code.badConfiguration, "hidden_size"),
            (["hidden_size": "\"20\""], .badConfiguration, "hidden_size"),
            (["hidden_size": "-20"], .badConfiguration, "hidden_size"),
            (["hidden_size": "1e300"], .badConfiguration, "hidden_size"),
            (["num_hidden_layers": "2.5"], .badConfiguration, "num_hidden_layers"),
            (["num_hidden_layers": "null"], .badConfiguration, "num_hidden_layers"),
            (["num_attention_heads": "3"], .badConfiguration, "num_attention_heads"),
            (["layer_norm_eps": "0"], .badConfiguration, "layer_norm_eps"),
            (["hidden_act": "\"swish\""], .unsupportedModel, "gelu_new"),
            (["model_type": "\"gpt2\""], .unsupportedModel, "\"bert\""),
            (["model_type": ""], .badConfiguration, "model_type"),
            (["position_embedding_type": "\"relative_key\""], .unsupportedModel, "position_embedding_type"),
            (["is_decoder": "true"], .unsupportedModel, "is_decoder"),
        ])
    func refusals(changes: [String: String], code: TransformerError.Code, mentions: String) throws {
        let error = try #require(Self.refusal(changes))
        #expect(error.code == code)
        #expect(error.description.hasPrefix("m/config.json: "))
        #expect(error.description.contains(mentions), "\(error)")
    }

    @Test("a file that is no JSON object, and one that is not there")
    func unreadable() {
        for text in ["", "[1]", "{", "\u{FEFF}nonsense"] {
            #expect {
                try EncoderConfiguration(json: Data(text.utf8), file: "x.json")
            } throws: { error in
                (error as? TransformerError)?.code == .unreadableConfiguration
            }
        }
        #expect {
            try EncoderConfiguration(folder: "/nowhere/at/all")
        } throws: { error in
            "\(error)".contains("/nowhere/at/all/config.json")
        }
    }

    @Test("names with and without the family's prefix are the same model")
    func prefixes() throws {
        let configuration = try EncoderConfiguration(json: configurationJSON(), file: "config.json")
        let random = try RandomModel()
        let logits = random.addGradients(oddExamples)
        let prefixed = try SequenceClassifier(configuration: configuration, source: RandomWeights(prefix: "bert."))
        let workspace = Workspace()
        let others = workspace.scope {
            prefixed.forward(oddExamples, branches: random.branches, head: random.head, workspace: workspace)
                .logits.values
        }
        #expect(others == logits)
        #expect(
            throws: TransformerError(
                .missingTensor,
                "memory: expected a tensor \"bert.embeddings.word_embeddings.weight\" or "
                    + "\"embeddings.word_embeddings.weight\", found neither; is it a model of type \"bert\"?")
        ) {
            try SequenceClassifier(configuration: configuration, source: RandomWeights(prefix: "roberta."))
        }
    }

    @Test("a folder without a pooler is refused with the reason, unless one is trained")
    func pooler() throws {
        let configuration = try EncoderConfiguration(json: configurationJSON(), file: "config.json")
        let source = RandomWeights(hasPooler: false)
        #expect {
            try SequenceClassifier(configuration: configuration, source: source)
        } throws: { error in
            (error as? TransformerError)?.code == .missingPooler && "\(error)".contains("pooler.dense.weight")
        }
        let model = try SequenceClassifier(configuration: configuration, source: source, trainPooler: true)
        #expect(model.pretrainedPooler == nil)
        let withPooler = try RandomModel(trainPooler: true).model
        #expect(withPooler.pretrainedPooler?.weight.rowCount == 20)
    }

    @Test("a folder's tensor of another shape is refused by name")
    func shapes() throws {
        let path = KnownAnswers.path("models", "small")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path + "/config.json"))
        let text = String(decoding: bytes, as: UTF8.self).replacing(
            "\"intermediate_size\": 18", with: "\"intermediate_size\": 19")
        let configuration = try EncoderConfiguration(json: Data(text.utf8), file: "config.json")
        #expect {
            try SequenceClassifier(configuration: configuration, source: ModelWeights(folder: path))
        } throws: { error in
            "\(error)".contains("bert.encoder.layer.0.intermediate.dense.weight")
        }
    }

    @Test("projections are listed layer by layer under PEFT's paths")
    func projections() throws {
        let projections = try RandomModel().model.projections
        #expect(projections.count == 18)
        for (place, projection) in projections.enumerated() {
            #expect(projection.index == place)
            #expect(projection.layer == place / 6)
        }
        #expect(projections[6].path == "bert.encoder.layer.1.attention.self.query")
        #expect(projections[10].name == "intermediate.dense")
        #expect(projections[10].inputSize == 20 && projections[10].outputSize == 28)
        #expect(projections[17].path == "bert.encoder.layer.2.output.dense")
        #expect(projections[17].inputSize == 28 && projections[17].outputSize == 20)
    }

    @Test("a batch that the model has no embeddings for is refused")
    func batches() throws {
        let model = try RandomModel().model
        try model.check(oddExamples)
        try model.check(examples([]))
        var broken: [PackedSequences] = []
        func breakIt(_ change: (inout PackedSequences) -> Void) {
            var batch = oddExamples
            change(&batch)
            broken.append(batch)
        }
        breakIt { $0.tokenIDs[3] = 50 }
        breakIt { $0.tokenIDs[3] = -1 }
        breakIt { $0.tokenTypeIDs[30] = 2 }
        breakIt { $0.tokenTypeIDs[0] = -1 }
        breakIt { $0.tokenTypeIDs.removeLast() }
        breakIt { $0.starts[1] = 0 }
        breakIt { $0.starts[1] = 7 }
        breakIt { $0.starts[2] = Int.max }
        breakIt { $0.starts[2] = Int.min }
        breakIt { $0.starts[0] = 1 }
        breakIt { $0.starts = [] }
        breakIt { $0.starts.removeLast() }
        breakIt { $0.exampleIDs.removeLast() }
        broken.append(examples([(1, 25)]))
        for batch in broken {
            #expect {
                try model.check(batch)
            } throws: { error in
                (error as? TransformerError)?.code == .badBatch
            }
        }
    }
}
