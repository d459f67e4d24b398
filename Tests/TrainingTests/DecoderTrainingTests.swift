//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Digests
import Foundation
import Generation
import LoRA
import Tensors
import Testing
import Training
import Transformer

@Suite("Training of decoders")
struct DecoderTrainingTests {
    private static func model(_ name: String) throws -> BaseModel {
        try BaseModel(folder: Vectors.model("decoders/" + name), trainPooler: false)
    }

    private static func example(_ index: Int, target: (Int) -> Target) -> TokenisedExample {
        let tokens = (0..<3 + index * 7 % 11).map { Int32((index * 13 + $0 * $0 * 5) % 59) }
        return TokenisedExample(
            index: UInt32(index), tokenIDs: tokens, tokenTypeIDs: tokens.map { _ in 0 }, target: target(tokens.count))
    }

    private static func settings(_ loss: Loss, recomputes: Bool = false) -> ComputeSettings {
        var settings = TestTraining.settings(loss: loss)
        settings.recomputes = recomputes
        return settings
    }

    /// The losses of some steps, and the state's digest.
    private static func train(
        _ base: BaseModel, _ examples: [TokenisedExample], labelCount: Int, settings: ComputeSettings, slots: Int
    ) throws -> (losses: [Double], digest: Digest) {
        let trainable = try base.trainable(
            lora: LoRASettings(adapterRank: 2, alpha: 4, dropout: 0.1, targetModules: []), labelCount: labelCount,
            sharing: .trained)
        #expect(Set(trainable.targets.map(\.name)) == ["self_attn.q_proj", "self_attn.v_proj"])
        let assignment = AdapterAssignment(
            targets: trainable.targets, kept: Set(trainable.targets.filter { $0.layer == 1 }.map(\.index)),
            sharesRest: true, projectionCount: trainable.projections.count)
        let trainer = try PhaseTrainer(
            model: base.model, settings: settings, trainable: trainable,
            setup: PhaseSetup(phase: .fineTune, totalSteps: 12, assignment: assignment, state: nil),
            pool: SlotPool(slotCount: slots))
        var batches = BatchSchedule(
            phase: .fineTune, examples: examples, batchSize: 12, shardTokens: 24, seed: 11)
        let losses = try (0..<12).map { step in
            let work = batches.work(step: step)
            let sums = try trainer.localSums(work.header, shards: work.shards)
            return try FloatingPointMode.flushingDenormals { try trainer.commit(sums, work.header).loss }
        }
        return (losses, trainer.digest)
    }

    @Test("a language model's state has the same bits for any slots, with activations kept or computed again")
    func language() throws {
        let base = try Self.model("qwen3")
        let examples = (0..<30).map { Self.example($0) { .completion(first: $0 / 2) } }
        let first = try Self.train(base, examples, labelCount: 0, settings: Self.settings(.completion), slots: 1)
        #expect(first.losses[11] < first.losses[0])
        for (slots, recomputes) in [(3, false), (2, true)] {
            let other = try Self.train(
                base, examples, labelCount: 0, settings: Self.settings(.completion, recomputes: recomputes),
                slots: slots)
            #expect(other.digest == first.digest)
        }
    }

    @Test("a decoder classifies by its score", arguments: [1, 2])
    func classification(slots: Int) throws {
        let base = try Self.model("llama-labels")
        let examples = (0..<30).map { index in Self.example(index) { _ in .classIndex(index % 3) } }
        let result = try Self.train(
            base, examples, labelCount: 3, settings: Self.settings(.crossEntropy), slots: slots)
        #expect(result.losses[11] < result.losses[0])
    }

    @Test("a loss is a mean over the completions' tokens")
    func lossCounts() throws {
        let examples = (0..<4).map { Self.example($0) { .completion(first: $0 - 2) } }
        #expect(examples.map(\.lossCount) == [2, 2, 2, 2])
        #expect(Self.example(1) { _ in .completion(first: 0) }.lossCount == 9)
        let work = StepWork(kind: .train, step: 0, shards: ShardPlan.shards(of: examples, shardTokens: 8))
        #expect(work.header.lossCount == 8)
        #expect(work.header.exampleCount == 4)
    }

    @Test("a completion that is none of the text's tokens is refused", arguments: [-1, 3, 100])
    func badTarget(first: Int) throws {
        let example = Self.example(0) { _ in .completion(first: first) }
        #expect(throws: TrainingError.self) {
            try Self.train(
                Self.model("qwen3"), [example], labelCount: 0, settings: Self.settings(.completion), slots: 1)
        }
    }

    @Test("texts are the same from a fleet and from a finished model, with any slots, and none is lost")
    func texts() throws {
        let base = try Self.model("qwen3")
        let trainable = try base.trainable(
            lora: LoRASettings(adapterRank: 2, alpha: 4, targetModules: []), labelCount: 0, sharing: .trained)
        let settings = Self.settings(.completion)
        let state = TrainingState(
            phase: .fineTune,
            initial: trainable.initialParameters(trainable.allOwn, phase: .fineTune, seed: 5).map { $0 + 0.02 })
        let prompts = (0..<40).map { (place: Int) -> Prompt in
            let tokens = (0...place % 5).map { (token: Int) -> Int32 in Int32((place * 7 + token) % 59) }
            return Prompt(index: UInt32(place * 3), tokenIDs: tokens)
        }
        let how = try GenerationSettings(
            strategy: .beams(count: 2, lengthPenalty: 1, stopsEarly: false), newTokens: 5, endTokens: [3, 8])
        var expected: [[Int32]]?
        for slots in [1, 3] {
            let fleet = LocalFleet(model: base.model, settings: settings, trainable: trainable, slots: slots)
            _ = try fleet.begin(
                PhaseSetup(phase: .fineTune, totalSteps: 1, assignment: trainable.allOwn, state: state))
            let finished = FixedModel(
                model: base.model,
                parameters: TrainableParameters(
                    trainable.layout(trainable.allOwn), values: state.parameters, scale: trainable.lora.scale),
                slots: slots)
            for predictor in [fleet, finished] as [any Predictor] {
                let texts = try predictor.texts(after: prompts, by: how) { 0 }
                #expect(texts.count == 40 && texts.allSatisfy { (1...5).contains($0.count) })
                #expect(texts == expected ?? texts)
                expected = texts
            }
            #expect(throws: TrainingError.self) {
                try RecordingFleet(fleet, losesPredictions: true).texts(after: prompts, by: how) { 0 }
            }
        }
        #expect(Set(expected ?? []).count > 5, "the texts tell nothing apart")
        let encoder = try BaseModel(folder: Vectors.model("odd"), trainPooler: false)
        #expect(throws: TrainingError.self) { try encoder.model.generator(branches: []) }
    }

    @Test("an encoder generates nothing")
    func encoder() throws {
        #expect(throws: TransformerError.self) {
            try BaseModel(folder: Vectors.model("odd"), trainPooler: false).trainable(
                lora: LoRASettings(adapterRank: 2, alpha: 4), labelCount: 0, sharing: .trained)
        }
    }
}

@Suite("Prompts and completions as tokens")
struct CompletionPreparationTests {
    /// A tokenizer of letters: 1 before, and if asked 2 behind.
    private static func preparation(
        length: Int = 20, endToken: Int32? = 9, behind: [Int32] = []
    ) throws -> CompletionPreparation {
        try CompletionPreparation(endToken: endToken, maximumLength: length) { text in
            [1] + text.utf8.map { Int32($0) } + behind
        }
    }

    private static func dataset(_ rows: [(String, String)]) -> Dataset {
        Dataset(
            source: "f.jsonl",
            examples: rows.enumerated().map { Example(index: UInt32($0), text: $1.0, pair: $1.1) },
            lines: rows.indices.map { $0 + 1 })
    }

    @Test("special tokens begin the prompt and none stand within", arguments: [[], [2]] as [[Int32]])
    func tokens(behind: [Int32]) throws {
        let prepared = try Self.preparation(behind: behind).tokenise(Self.dataset([("ab", "c"), ("", "de")]))
        #expect(prepared.examples.map(\.tokenIDs) == [[1, 97, 98, 99, 9], [1, 100, 101, 9]])
        #expect(prepared.examples.map(\.target) == [.completion(first: 3), .completion(first: 1)])
        #expect(prepared.truncatedCount == 0)
        #expect(try Self.preparation(behind: behind).prompts(Self.dataset([("ab", "c")])) == [[1, 97, 98]])
    }

    @Test("what is too long is cut off the completion, and a prompt that leaves no room is refused")
    func cut() throws {
        let prepared = try Self.preparation(length: 4).tokenise(Self.dataset([("ab", "cd"), ("a", "c")]))
        #expect(prepared.examples.map(\.tokenIDs) == [[1, 97, 98, 99], [1, 97, 99, 9]])
        #expect(prepared.truncatedCount == 1)
        for rows in [[("abc", "d")], [("a", "b"), ("abcdef", "")]] {
            #expect {
                try Self.preparation(length: 4).tokenise(Self.dataset(rows))
            } throws: { error in
                "\(error)".contains("f.jsonl, line \(rows.count)")
            }
        }
        #expect(throws: TrainingError.self) {
            try Self.preparation(endToken: nil).tokenise(Self.dataset([("a", "")]))
        }
    }
}
