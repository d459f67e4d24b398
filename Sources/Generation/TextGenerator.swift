//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness
package import Tensors
package import Transformer

/// Goes on with texts, several at once.
///
/// A text's continuation depends on model, prompt and settings alone, and where tokens are drawn on the prompt's number:
/// not on the texts beside it, which only share the products with the weights.
package struct TextGenerator: Sendable {
    private let model: DecoderModel
    private let branches: [LowRankBranch?]

    /// - Throws: `GenerationError` for a model without a language model's head.
    package init(_ model: DecoderModel, branches: [LowRankBranch?]) throws(GenerationError) {
        guard model.hasLanguageHead else {
            throw GenerationError(
                .mismatch,
                "the base model has no lm_head.weight and does not tie it to its embeddings: it cannot generate")
        }
        self.model = model
        self.branches = branches
    }

    /// The tokens that follow each prompt, the ending one among them if it came.
    /// - Parameter round: Called whenever all texts that go on got a token; what it throws breaks the work off.
    /// - Throws: What `round` throws; `GenerationError` for a prompt without tokens or without room for another one;
    ///   `TransformerError` for tokens that the model does not know.
    package func generate(
        _ prompts: [Prompt], settings: GenerationSettings, workspace: Workspace, round: () throws -> Void = {}
    ) throws -> [[Int32]] {
        try check(prompts)
        let limits = prompts.map { min(settings.newTokens, model.configuration.positionCount - $0.tokenIDs.count) }
        switch settings.strategy {
        case .greedy:
            return try chain(prompts, limits, settings.endTokens, workspace, round) { _, _, logits in
                NextToken.likeliest(logits)
            }
        case .sampled(let temperature, let topP, let seed):
            return try chain(prompts, limits, settings.endTokens, workspace, round) { prompt, place, logits in
                let stream = RandomStream(seed: seed, purpose: .generation, index: prompt.index)
                let bits = stream.block(SIMD4(UInt32(place), 0, 0, 0))
                // 48 bits: rare tokens of a large vocabulary can be drawn too.
                let draw = (Double(bits[0] >> 8) + Double(bits[1] >> 8) * 0x1p-24) * 0x1p-24
                return NextToken.drawn(logits, temperature: temperature, topP: topP, draw: draw)
            }
        case .beams(let count, let lengthPenalty, let stopsEarly):
            let searches = limits.map { limit in
                BeamSearch(
                    count: count, lengthPenalty: lengthPenalty, stopsEarly: stopsEarly, endTokens: settings.endTokens,
                    limit: limit)
            }
            return try search(prompts, limits, searches, workspace, round)
        }
    }

    private func check(_ prompts: [Prompt]) throws {
        for prompt in prompts {
            guard !prompt.tokenIDs.isEmpty, prompt.tokenIDs.count < model.configuration.positionCount else {
                throw GenerationError(
                    .badRequest,
                    "row \(prompt.index): a prompt of \(prompt.tokenIDs.count) tokens, expected 1 to "
                        + "\(model.configuration.positionCount - 1)")
            }
            try model.check(Self.packed([prompt.tokenIDs]))
        }
    }

    /// Token after token, each text until it ends.
    private func chain(
        _ prompts: [Prompt], _ limits: [Int], _ endTokens: [Int32], _ workspace: Workspace,
        _ round: () throws -> Void,
        next: (_ prompt: Prompt, _ place: Int, _ logits: [Float]) -> Int32
    ) throws -> [[Int32]] {
        var texts = prompts.map { _ in [Int32]() }
        let caches = caches(prompts, limits)
        var active = Array(prompts.indices)
        while !active.isEmpty {
            let fed = active.map { texts[$0].isEmpty ? prompts[$0].tokenIDs : [texts[$0][texts[$0].count - 1]] }
            let rows = logits(fed, caches: active.map { caches[$0] }, workspace)
            for (text, logits) in zip(active, rows) {
                texts[text].append(next(prompts[text], texts[text].count, logits))
            }
            try round()
            active = active.filter { text in
                texts[text].count < limits[text] && !endTokens.contains(texts[text][texts[text].count - 1])
            }
        }
        return texts
    }

    /// All beams of all texts that go on are one batch.
    private func search(
        _ prompts: [Prompt], _ limits: [Int], _ searches: [BeamSearch], _ workspace: Workspace,
        _ round: () throws -> Void
    ) throws -> [[Int32]] {
        var searches = searches
        var caches = caches(prompts, limits).map { [$0] }
        var active = Array(prompts.indices)
        while !active.isEmpty {
            let fed = active.flatMap { text in
                searches[text].beams.map { beam in
                    beam.tokens.last.map { [$0] } ?? prompts[text].tokenIDs
                }
            }
            let rows = logits(fed, caches: active.flatMap { caches[$0] }, workspace)
            var place = 0
            for text in active {
                let count = searches[text].beams.count
                searches[text].step(rows[place..<place + count].map(NextToken.logProbabilities))
                place += count
                caches[text] = inherited(caches[text], by: searches[text].beams)
            }
            try round()
            active = active.filter { !searches[$0].isDone }
        }
        return searches.map(\.best)
    }

    /// Each beam's cache: its parent's own for the first child, copies for the others.
    private func inherited(_ caches: [KeyValueCache], by beams: [BeamSearch.Beam]) -> [KeyValueCache] {
        var taken: Set<Int> = []
        return beams.map { beam in
            let parent = caches[beam.parent]
            if taken.insert(beam.parent).inserted { return parent }
            let copy = KeyValueCache(model.configuration, capacity: parent.capacity)
            copy.copy(from: parent)
            return copy
        }
    }

    private func caches(_ prompts: [Prompt], _ limits: [Int]) -> [KeyValueCache] {
        zip(prompts, limits).map { KeyValueCache(model.configuration, capacity: $0.tokenIDs.count + $1) }
    }

    /// The logits behind each text's last token.
    private func logits(_ texts: [[Int32]], caches: [KeyValueCache], _ workspace: Workspace) -> [[Float]] {
        workspace.scope {
            let hidden = model.extend(Self.packed(texts), caches: caches, branches: branches, workspace: workspace)
            let logits = model.logits(of: hidden, workspace: workspace)
            return (0..<texts.count).map { logits.rows($0..<$0 + 1).values }
        }
    }

    private static func packed(_ texts: [[Int32]]) -> PackedSequences {
        var starts = [0]
        for text in texts {
            starts.append(starts[starts.count - 1] + text.count)
        }
        let tokens = Array(texts.joined())
        return PackedSequences(
            tokenIDs: tokens, tokenTypeIDs: [Int32](repeating: 0, count: tokens.count), starts: starts,
            exampleIDs: (0..<UInt32(texts.count)).map { $0 })
    }
}
