//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Generation
import Tensors
import Testing
import Transformer

/// What transformers generated with a model and an adapter of Tests/Vectors/decoders.
private struct KnownTexts: Decodable {
    struct Generation: Decodable {
        struct Beams: Decodable {
            let count: Int
            let lengthPenalty: Double
            let stopsEarly: Bool
            let tokens: [[Int32]]
        }

        let prompts: [[Int32]]
        let newTokens: Int
        let endToken: Int32
        let greedy: [[Int32]]
        let beams: [Beams]
    }

    let model: String
    let adapterRank: Int
    let alpha: Double
    let sharedLayers: [Int]
    let generation: Generation

    static let names = [
        "llama-query-value", "llama-biased", "llama3-bf16", "llama-yarn-tied", "mistral-f16", "qwen2", "qwen3",
    ]

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Vectors/decoders").path

    static func read(_ name: String) throws -> (texts: KnownTexts, generator: TextGenerator) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let texts = try decoder.decode(
            KnownTexts.self, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/cases/\(name)/case.json")))
        let path = "\(folder)/models/\(texts.model)"
        let model = try DecoderModel(
            configuration: DecoderConfiguration(folder: path), source: ModelWeights(folder: path))
        let adapter = try SafetensorsFile(path: "\(folder)/cases/\(name)/adapter/adapter_model.safetensors")
        let branches = model.projections.map { projection -> LowRankBranch? in
            let layer = texts.sharedLayers.contains(projection.layer) ? texts.sharedLayers[0] : projection.layer
            let path = "base_model.model.model.layers.\(layer).\(projection.name)"
            guard let down = adapter[path + ".lora_A.weight"], let up = adapter[path + ".lora_B.weight"] else {
                return nil
            }
            return LowRankBranch(
                down: down.matrix(in: Workspace(blockSize: 1)), up: up.matrix(in: Workspace(blockSize: 1)),
                scale: Float(texts.alpha / Double(texts.adapterRank)))
        }
        return (texts, try TextGenerator(model, branches: branches))
    }

    var prompts: [Prompt] {
        generation.prompts.enumerated().map { Prompt(index: UInt32($0.offset), tokenIDs: $0.element) }
    }

    func settings(_ strategy: GenerationSettings.Strategy) throws -> GenerationSettings {
        try GenerationSettings(
            strategy: strategy, newTokens: generation.newTokens, endTokens: [generation.endToken])
    }
}

@Suite("Generated texts")
struct GenerationTests {
    @Test("greedy texts are transformers', token for token, together and alone", arguments: KnownTexts.names)
    func greedy(name: String) throws {
        let (known, generator) = try KnownTexts.read(name)
        let settings = try known.settings(.greedy)
        let texts = try generator.generate(known.prompts, settings: settings, workspace: Workspace())
        #expect(texts == known.generation.greedy)
        for (prompt, text) in zip(known.prompts, texts) {
            #expect(try generator.generate([prompt], settings: settings, workspace: Workspace()) == [text])
        }
    }

    @Test("texts found by beams are transformers', token for token", arguments: KnownTexts.names)
    func beams(name: String) throws {
        let (known, generator) = try KnownTexts.read(name)
        for search in known.generation.beams {
            let settings = try known.settings(
                .beams(count: search.count, lengthPenalty: search.lengthPenalty, stopsEarly: search.stopsEarly))
            let texts = try generator.generate(known.prompts, settings: settings, workspace: Workspace())
            #expect(texts == search.tokens, "\(search.count) beams, penalty \(search.lengthPenalty)")
        }
    }

    @Test("one beam is greedy")
    func oneBeam() throws {
        let (known, generator) = try KnownTexts.read("qwen3")
        let settings = try known.settings(.beams(count: 1, lengthPenalty: 1, stopsEarly: true))
        #expect(
            try generator.generate(known.prompts, settings: settings, workspace: Workspace())
                == known.generation.greedy)
    }

    @Test("drawn texts depend on the seed and the prompt's number, not on the company")
    func drawn() throws {
        let (known, generator) = try KnownTexts.read("qwen2")
        func texts(seed: UInt64, _ prompts: [Prompt], topP: Double = 0.9) throws -> [[Int32]] {
            try generator.generate(
                prompts, settings: known.settings(.sampled(temperature: 1.5, topP: topP, seed: seed)),
                workspace: Workspace())
        }
        let together = try texts(seed: 5, known.prompts)
        #expect(try texts(seed: 5, known.prompts.reversed()) == together.reversed())
        #expect(try texts(seed: 5, [known.prompts[2]]) == [together[2]])
        #expect(try texts(seed: 6, known.prompts) != together)
        let renumbered = known.prompts.map { Prompt(index: $0.index + 10, tokenIDs: $0.tokenIDs) }
        #expect(try texts(seed: 5, renumbered) != together)
        // So small a share is the likeliest token alone.
        #expect(try texts(seed: 5, known.prompts, topP: 1e-6) == known.generation.greedy)
    }

    @Test("a text ends where the model's positions do")
    func positions() throws {
        let (known, generator) = try KnownTexts.read("qwen3")
        let long = Prompt(index: 0, tokenIDs: [Int32](repeating: 7, count: 62))
        let settings = try GenerationSettings(strategy: .greedy, newTokens: 9, endTokens: [])
        #expect(try generator.generate([long], settings: settings, workspace: Workspace())[0].count == 2)
        _ = known
    }

    @Test("prompts and settings that mean nothing are refused")
    func refusals() throws {
        let (_, generator) = try KnownTexts.read("qwen3")
        let settings = try GenerationSettings(strategy: .greedy, newTokens: 3, endTokens: [])
        for tokens in [[], [Int32](repeating: 7, count: 64), [59], [-1]] as [[Int32]] {
            #expect(throws: (any Error).self) {
                try generator.generate(
                    [Prompt(index: 0, tokenIDs: tokens)], settings: settings, workspace: Workspace())
            }
        }
        let bad: [GenerationSettings.Strategy] = [
            .beams(count: 0, lengthPenalty: 1, stopsEarly: false), .sampled(temperature: 0, topP: 1, seed: 0),
            .sampled(temperature: 1, topP: 0, seed: 0), .sampled(temperature: 1, topP: 1.5, seed: 0),
        ]
        for strategy in bad {
            #expect(throws: GenerationError.self) {
                try GenerationSettings(strategy: strategy, newTokens: 3, endTokens: [])
            }
        }
        #expect(throws: GenerationError.self) {
            try GenerationSettings(strategy: .greedy, newTokens: 0, endTokens: [])
        }
    }
}
