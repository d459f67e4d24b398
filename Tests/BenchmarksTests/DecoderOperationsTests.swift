//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Benchmarks
import Foundation
import LoRA
import Testing
import Transformer

@Suite("The operations that a decoder's step cannot do without")
struct DecoderOperationsTests {
    /// Hidden size 8, 4 heads of 6 columns, 2 of keys and values, 12 columns of feed-forward, 50 tokens.
    private func configuration(layers: Int, type: String = "llama", more: String = "") throws -> DecoderConfiguration {
        try DecoderConfiguration(
            json: Data(
                """
                {"model_type": "\(type)", "hidden_size": 8, "num_attention_heads": 4, "num_key_value_heads": 2,
                 "head_dim": 6, "num_hidden_layers": \(layers), "intermediate_size": 12, "vocab_size": 50, \(more)
                 "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "hidden_act": "silu"}
                """.utf8), file: "config.json")
    }

    private func operations(
        _ configuration: DecoderConfiguration, labelCount: Int = 0, isTarget: (ProjectionDescription) -> Bool
    ) -> NecessaryOperations {
        NecessaryOperations(
            configuration,
            assignment: AdapterAssignment(
                ownTargets: configuration.projections.filter(isTarget),
                projectionCount: configuration.projections.count),
            adapterRank: 3, labelCount: labelCount)
    }

    private let hidden = 8.0
    private let queries = 24.0
    private let keys = 12.0
    private let feedForward = 12.0
    private let adapterRank = 3.0

    @Test("one layer that learns a completion with a branch on value, counted by hand")
    func completion() throws {
        let found = operations(try configuration(layers: 1)) { $0.name == "self_attn.v_proj" }
            .count(lengths: [7], completions: [4])
        // Of seven tokens the last predicts nothing; the tokens 3, 4 and 5 predict the completion's three.
        let (tokens, outputs) = (6.0, 3.0)
        // Forward: keys and values of six, the rest of three.
        var expected = 2 * (tokens * 2 * hidden * keys + outputs * (2 * hidden * queries + 3 * hidden * feedForward))
        // Backward through feed-forward and attention output, to the values and no further.
        expected += 2 * outputs * (hidden * queries + 3 * hidden * feedForward)
        // The branch: A·x and B·z; dB, dz and dA.
        expected += 2 * tokens * adapterRank * (hidden + keys) + 2 * tokens * adapterRank * (2 * keys + hidden)
        // Queries at 3, 4 and 5 read 4, 5 and 6 keys: scores, context, and the values' gradient.
        expected += 3 * (2 * 15 * queries)
        // Logits at the three, and the hidden states' gradient.
        expected += 2 * (2 * outputs * hidden * 50)
        #expect(found == expected)
    }

    @Test("a layer below the lowest branch costs its forward on every token but the last")
    func lowest() throws {
        let one = operations(try configuration(layers: 1)) { $0.role == .query || $0.role == .value }
        let two = operations(try configuration(layers: 2)) { $0.layer == 1 && ($0.role == .query || $0.role == .value) }
        let (lengths, completions) = ([5, 4], [3, 1])
        let projections = 2 * 7 * (2 * hidden * queries + 2 * hidden * keys + 3 * hidden * feedForward)
        // 1 + 2 + 3 + 4 pairs and 1 + 2 + 3.
        let attention = 2 * (2 * 16 * queries)
        #expect(
            two.count(lengths: lengths, completions: completions)
                == one.count(lengths: lengths, completions: completions) + projections + attention)
    }

    @Test("above the lowest branch the whole gradient goes down to it")
    func above() throws {
        let lower = operations(try configuration(layers: 2)) { $0.layer == 0 && $0.name == "mlp.down_proj" }
        let upper = operations(try configuration(layers: 2)) { $0.layer == 1 && $0.name == "mlp.down_proj" }
        let (lengths, completions) = ([6], [1])
        // Everything is read of five tokens, so both layers have as many rows.
        let rows = 5.0
        let projections = 2 * rows * (2 * hidden * queries + 2 * hidden * keys + 3 * hidden * feedForward)
        // dV, dP, dQ and dK of the upper layer, over 15 pairs.
        let attention = 4 * (2 * 15 * queries)
        #expect(
            lower.count(lengths: lengths, completions: completions)
                == upper.count(lengths: lengths, completions: completions) + projections + attention)
    }

    @Test("a sliding window leaves out the pairs that nobody reads")
    func window() throws {
        let whole = operations(try configuration(layers: 2, type: "mistral", more: #""sliding_window": null,"#)) { _ in
            false
        }
        let near = operations(try configuration(layers: 2, type: "mistral", more: #""sliding_window": 2,"#)) { _ in
            false
        }
        // Tokens 0 to 4 read 1 to 5 keys, or 1, 2, 2, 2, 2; in the last layer only tokens 3 and 4 ask.
        let left = Double((15 - 9) + (9 - 4))
        let difference =
            whole.count(lengths: [6], completions: [4]) - near.count(lengths: [6], completions: [4])
        #expect(difference == 2 * (2 * left * queries))
    }

    @Test("a classifier reads the last token, which reads all")
    func classifier() throws {
        let found = operations(try configuration(layers: 1), labelCount: 3) { $0.name == "self_attn.q_proj" }
            .count(lengths: [5, 2])
        var expected = 2 * (7 * 2 * hidden * keys + 2 * (2 * hidden * queries + 3 * hidden * feedForward))
        expected += 2 * 2 * (hidden * queries + 3 * hidden * feedForward)
        expected += 2 * 2 * adapterRank * (hidden + queries) + 2 * 2 * adapterRank * (2 * queries + hidden)
        // Scores and context, dP and dQ.
        expected += 4 * (2 * 7 * queries)
        expected += 2 * 6 * hidden * 3
        #expect(found == expected)
    }

    @Test("Llama-2-7B's step is about 26 billion operations a token")
    func sevenBillion() throws {
        let llama = try DecoderConfiguration(
            json: Data(
                """
                {"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
                 "intermediate_size": 11008, "vocab_size": 32000, "max_position_embeddings": 4096,
                 "rms_norm_eps": 1e-5, "hidden_act": "silu"}
                """.utf8), file: "config.json")
        let count = NecessaryOperations(
            llama,
            assignment: AdapterAssignment(
                ownTargets: llama.projections.filter { $0.role == .query || $0.role == .value },
                projectionCount: llama.projections.count),
            adapterRank: 8, labelCount: 0
        ).count(lengths: [256, 256], completions: [1, 1])
        // Twice the parameters that multiply, 6.6 billion, each way.
        #expect(count / 512 > 25.5e9 && count / 512 < 27e9)
    }
}
