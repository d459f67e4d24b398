//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing
import Transformer

struct EncoderFamilyTests {
    private static func configuration(_ changes: [String: String]) throws -> EncoderConfiguration {
        try EncoderConfiguration(json: configurationJSON(changes), file: "m/config.json")
    }

    /// The keys of `configurationJSON` under DistilBERT's names.
    private static let distilBERT = [
        "model_type": "\"distilbert\"", "dim": "20", "n_heads": "4", "n_layers": "2", "hidden_dim": "28",
        "activation": "\"relu\"", "hidden_size": "", "num_attention_heads": "", "num_hidden_layers": "",
        "intermediate_size": "", "hidden_act": "", "layer_norm_eps": "", "type_vocab_size": "",
    ]

    private static func refusal(_ changes: [String: String]) throws -> TransformerError? {
        do {
            _ = try configuration(changes)
            return nil
        } catch let error as TransformerError {
            return error
        }
    }

    @Test("RoBERTa's positions start behind its padding id", arguments: ["roberta", "xlm-roberta"])
    func positions(modelType: String) throws {
        let roberta = ["model_type": "\"\(modelType)\"", "type_vocab_size": "1", "max_position_embeddings": "26"]
        let configuration = try Self.configuration(roberta)
        #expect(configuration.padTokenID == 1)
        #expect(configuration.positionRowCount == 26)
        #expect(configuration.positionCount == 24)
        #expect(try Self.configuration(roberta.merging(["pad_token_id": "3"]) { $1 }).positionCount == 22)
        #expect(try Self.configuration(roberta.merging(["pad_token_id": "24"]) { $1 }).positionCount == 1)
        for padding in ["25", "26", "-1"] {
            let error = try Self.refusal(roberta.merging(["pad_token_id": padding]) { $1 })
            #expect(error?.code == .badConfiguration)
            #expect(error?.description.contains("pad_token_id is \(padding), expected from 0 to") == true)
        }
        #expect(try Self.refusal(roberta.merging(["pad_token_id": "null"]) { $1 })?.code == .badConfiguration)

        let model = try RandomModel(roberta, trainPooler: true).model
        func batch(_ length: Int) -> PackedSequences {
            var batch = examples([(1, length)])
            batch.tokenTypeIDs = batch.tokenTypeIDs.map { _ in 0 }
            return batch
        }
        try model.check(batch(24))
        #expect {
            try model.check(batch(25))
        } throws: { error in
            (error as? TransformerError)?.code == .badBatch && "\(error)".contains("expected 1 to 24 of them")
        }
    }

    @Test("a padding token within a text keeps its position and moves no other")
    func paddingInText() throws {
        let roberta = ["model_type": "\"roberta\"", "max_position_embeddings": "30"]
        func logits(_ tokens: [Int32]) throws -> [Float] {
            let random = try RandomModel(roberta, trainPooler: true)
            let batch = PackedSequences(
                tokenIDs: tokens, tokenTypeIDs: tokens.map { _ in 0 }, starts: [0, tokens.count], exampleIDs: [0])
            return random.addGradients(batch)
        }
        // Attention looks at all tokens alike, so that only positions tell where the padding token stands.
        let behind = try logits([7, 9, 11, 1])
        let within = try logits([7, 1, 9, 11])
        #expect(zip(behind, within).allSatisfy { abs($0 - $1) < 1e-5 })
        let other = try logits([7, 5, 9, 11])
        let moved = try logits([7, 9, 11, 5])
        #expect(zip(other, moved).contains { abs($0 - $1) > 1e-3 })
    }

    @Test("DistilBERT's keys are its own, and it has no token types")
    func distilBERT() throws {
        let configuration = try Self.configuration(Self.distilBERT)
        #expect(configuration.hiddenSize == 20 && configuration.headCount == 4 && configuration.layerCount == 2)
        #expect(configuration.intermediateSize == 28 && configuration.activation == .relu)
        #expect(configuration.layerNormEpsilon == 1e-12)
        #expect(configuration.tokenTypeCount == 0)
        #expect(configuration.tokenTypes([0, 1, 1]) == [0, 0, 0])
        #expect(try Self.refusal(Self.distilBERT.merging(["dim": ""]) { $1 })?.description.contains("\"dim\"") == true)
        #expect(
            configuration.projections.prefix(6).map(\.path)
                == [
                    "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "ffn.lin1",
                    "ffn.lin2",
                ].map { "distilbert.transformer.layer.0.\($0)" })
    }

    @Test("only a model with several token types reads them")
    func tokenTypes() throws {
        #expect(try Self.configuration([:]).tokenTypes([0, 1]) == [0, 1])
        #expect(try Self.configuration(["type_vocab_size": "1"]).tokenTypes([0, 1]) == [0, 0])
    }

    @Test("ELECTRA's embeddings have a size of their own")
    func electra() throws {
        let electra = ["model_type": "\"electra\"", "embedding_size": "12"]
        let configuration = try Self.configuration(electra)
        #expect(configuration.embeddingSize == 12 && configuration.hiddenSize == 20)
        #expect(try Self.configuration([:]).embeddingSize == 20)
        #expect(try Self.refusal(["model_type": "\"electra\""])?.description.contains("embedding_size") == true)
        #expect(configuration.family.otherLinears(trainsPooler: true) == ["electra.embeddings_project"])
    }

    @Test("families train PEFT's heads and know which tensors their classifier has")
    func heads() throws {
        for family in EncoderFamily.all {
            let isBERT = family.modelType == "bert"
            let projection = family.modelType == "electra" ? ["electra.embeddings_project"] : []
            #expect(family.otherLinears(trainsPooler: false) == projection + (isBERT ? ["bert.pooler.dense"] : []))
            for name in ["embeddings.word_embeddings.weight", "\(family.layers)0.x.weight"] {
                #expect(family.isInClassifier(family.prefix + name))
                #expect(!family.isInClassifier(name))
            }
            #expect(family.isInClassifier("\(family.prefix)pooler.dense.bias") == isBERT)
            #expect(family.isInClassifier(family.pooler.path + ".weight"))
            #expect(!family.isInClassifier("lm_head.dense.weight"))
            #expect(try RandomModel(modelType: family.modelType).model.trainsPooler == !isBERT)
        }
    }
}
