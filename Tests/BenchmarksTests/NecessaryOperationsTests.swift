//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Benchmarks
import Foundation
import LoRA
import Testing
import Transformer

@Suite("The operations that a step cannot do without")
struct NecessaryOperationsTests {
    private func configuration(layers: Int, hidden: Int, intermediate: Int) throws -> EncoderConfiguration {
        try EncoderConfiguration(
            json: Data(
                """
                {"model_type": "bert", "hidden_size": \(hidden), "num_attention_heads": 2, "num_hidden_layers": \(layers),
                 "intermediate_size": \(intermediate), "vocab_size": 50, "max_position_embeddings": 512,
                 "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu"}
                """.utf8), file: "config.json")
    }

    private func count(
        _ configuration: EncoderConfiguration, roles: [ProjectionRole], adapterRank: Int, lengths: [Int]
    ) -> Double {
        let targets = configuration.projections.filter { roles.contains($0.role) }
        return NecessaryOperations(
            configuration,
            assignment: AdapterAssignment(ownTargets: targets, projectionCount: configuration.projections.count),
            adapterRank: adapterRank, labelCount: 2
        ).count(lengths: lengths)
    }

    @Test("one layer with a branch on value, counted by hand")
    func oneLayer() throws {
        let (h, f, r, n) = (8.0, 12.0, 3.0, 5.0)
        let found = count(
            try configuration(layers: 1, hidden: 8, intermediate: 12), roles: [.value], adapterRank: 3, lengths: [5])
        // Forward: keys and values of all tokens, the rest of the first one.
        var expected: Double = 2 * (2 * n * h * h + 2 * h * h + 2 * h * f)
        // Backward through attention output and feed-forward, to the values and no further.
        expected += 2 * (h * h + 2 * h * f)
        // The branch: A·x and B·z; its three gradients, none for its input.
        expected += 2 * n * r * (2 * h) + 2 * n * r * (3 * h)
        // Attention of one query: scores and context, and the values' gradient.
        expected += 2 * (2 * n * h) + 2 * n * h
        // Pooler both ways; the classifier, its gradient and its input's.
        expected += 4 * h * h + 6 * h * 2
        #expect(found == expected)
    }

    @Test("what lies below the lowest branch has no backward")
    func lowest() throws {
        let one = try configuration(layers: 1, hidden: 8, intermediate: 12)
        let two = try configuration(layers: 2, hidden: 8, intermediate: 12)
        let lengths = [4, 3]
        let targets = two.projections.filter { $0.layer == 1 && $0.role == .value }
        let found = NecessaryOperations(
            two, assignment: AdapterAssignment(ownTargets: targets, projectionCount: two.projections.count),
            adapterRank: 3, labelCount: 2
        ).count(lengths: lengths)
        let projections: Double = 2 * 7 * (4 * 64 + 2 * 96)
        let attention: Double = 2 * 2 * 8 * (16 + 9)
        #expect(found == count(one, roles: [.value], adapterRank: 3, lengths: lengths) + projections + attention)
    }

    @Test("MiniLM's step is about 36 million operations a token")
    func miniLM() throws {
        let miniLM = try configuration(layers: 6, hidden: 384, intermediate: 1536)
        let lengths = [Int](repeating: 11, count: 32)
        let found = count(miniLM, roles: [.query, .value], adapterRank: 8, lengths: lengths) / Double(32 * 11)
        #expect(found > 35e6 && found < 37.5e6)
    }
}
