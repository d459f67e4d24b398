//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing
import Transformer

@Suite("Decoder folders that are accepted and refused")
struct DecoderConfigurationTests {
    private static func json(_ changes: [String: String]) -> Data {
        var values = [
            "model_type": "\"llama\"", "hidden_size": "24", "num_attention_heads": "4", "num_key_value_heads": "2",
            "num_hidden_layers": "3", "intermediate_size": "28", "vocab_size": "50",
            "max_position_embeddings": "64", "rms_norm_eps": "1e-5", "hidden_act": "\"silu\"",
        ]
        values.merge(changes) { $1 }
        let pairs = values.filter { $0.value != "" }.map { "\"\($0.key)\": \($0.value)" }.sorted()
        return Data("{\(pairs.joined(separator: ", "))}".utf8)
    }

    private static func read(_ changes: [String: String] = [:]) throws -> DecoderConfiguration {
        try DecoderConfiguration(json: json(changes), file: "m/config.json")
    }

    @Test("what a family leaves unsaid is as in transformers")
    func families() throws {
        let llama = try Self.read()
        #expect(llama.headSize == 6 && llama.keyHeadCount == 2 && llama.windows == [nil, nil, nil])
        #expect(try Self.read(["num_key_value_heads": ""]).keyHeadCount == 4)
        #expect(try Self.read(["model_type": "\"qwen3\""]).headSize == 128)
        #expect(try Self.read(["model_type": "\"mistral\""]).windows == [4096, 4096, 4096])
        #expect(try Self.read(["model_type": "\"mistral\"", "sliding_window": "null"]).windows == [nil, nil, nil])
        #expect(try Self.read(["model_type": "\"qwen2\"", "sliding_window": "8"]).windows == [nil, nil, nil])
        let windowed = [
            "model_type": "\"qwen2\"", "sliding_window": "8", "use_sliding_window": "true", "max_window_layers": "1",
        ]
        #expect(try Self.read(windowed).windows == [nil, 8, 8])
        let listed = windowed.merging(
            ["layer_types": "[\"sliding_attention\", \"full_attention\", \"full_attention\"]"]
        ) { $1 }
        #expect(try Self.read(listed).windows == [8, nil, nil])
        #expect(try Self.read(["eos_token_id": "[2, 7]"]).endTokenIDs == [2, 7])
        #expect(try Self.read(["eos_token_id": "2"]).endTokenIDs == [2])
    }

    @Test("the rotary keys of today and of before mean the same")
    func rotary() throws {
        let before = try Self.read(["rope_theta": "500.0", "rope_scaling": "{\"type\": \"linear\", \"factor\": 2.0}"])
        let today = try Self.read([
            "rope_parameters": "{\"rope_type\": \"linear\", \"factor\": 2.0, \"rope_theta\": 500.0}"
        ])
        #expect(before.rotary == today.rotary)
        #expect(before.rotary.base == 500)
        #expect(try Self.read(["rope_scaling": "null"]).rotary.kind == .standard)
        let dynamic = try Self.read(["rope_scaling": "{\"rope_type\": \"dynamic\", \"factor\": 2.0}"])
        #expect(dynamic.positionCount == 128)
    }

    @Test(
        "what is wrong is named, with file and key",
        arguments: [
            (["hidden_size": ""], TransformerError.Code.badConfiguration, "hidden_size"),
            (["num_key_value_heads": "3"], .badConfiguration, "num_key_value_heads"),
            (["head_dim": "7"], .badConfiguration, "even number"),
            (["rms_norm_eps": "0"], .badConfiguration, "rms_norm_eps"),
            (["hidden_act": "\"gelu\""], .unsupportedModel, "hidden_act"),
            (["model_type": "\"gpt2\""], .unsupportedModel, "\"qwen3\""),
            (["rope_scaling": "{\"type\": \"longrope\", \"factor\": 2.0}"], .unsupportedModel, "longrope"),
            (["rope_scaling": "{\"type\": \"linear\"}"], .badConfiguration, "factor"),
            (["rope_scaling": "{\"type\": \"linear\", \"factor\": 0}"], .badConfiguration, "factor"),
            (["rope_scaling": "[1]"], .badConfiguration, "rope_scaling"),
            (["rope_parameters": "{\"partial_rotary_factor\": 0.5}"], .unsupportedModel, "partial_rotary_factor"),
            (["tie_word_embeddings": "1"], .badConfiguration, "tie_word_embeddings"),
        ])
    func refusals(changes: [String: String], code: TransformerError.Code, mentions: String) throws {
        let error = try #require(throws: TransformerError.self) { try Self.read(changes) }
        #expect(error.code == code)
        #expect(error.description.hasPrefix("m/config.json"))
        #expect(error.description.contains(mentions), "\(error)")
    }

    @Test("a batch that the model has no place for is refused")
    func batches() throws {
        let model = try DecoderAnswers.model("llama-dynamic")
        try model.check(packedTexts([[1, 2], (0..<36).map { $0 }]))
        for bad in [[[1], [59]], [[-1]], [[]], [(0..<37).map { $0 }]] as [[[Int32]]] {
            #expect(throws: TransformerError.self) { try model.check(packedTexts(bad)) }
        }
    }
}
