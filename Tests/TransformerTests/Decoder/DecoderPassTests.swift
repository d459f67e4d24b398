//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Dispatch
import Randomness
import Tensors
import Testing
import Transformer

@Suite("What a decoder's results do not depend on")
struct DecoderPassTests {
    static let dropout = InputDropout(probability: 0.3, step: 4) { projection in
        RandomStream(seed: 8, purpose: .inputDropout, index: UInt32(projection))
    }
    static let texts: [[Int32]] = [[5, 9, 2, 7, 1, 30, 22], [4], [8, 8, 3], (0..<25).map { ($0 * 7) % 59 }, [1, 2]]
    static let completions = [3, 0, 1, 9, 2]

    /// Loss by example and gradients by name.
    struct Result: Equatable {
        let losses: [Double]
        let gradients: [String: [Float]]
    }

    static func run(
        _ name: String, texts: [[Int32]] = texts, completions: [Int] = completions, recomputes: Bool = false,
        dropout: InputDropout? = dropout, workspace: Workspace = Workspace()
    ) throws -> Result {
        let answers = try DecoderAnswers.read(name)
        let model = try DecoderAnswers.model(answers.model)
        let views = try answers.views(name, model)
        let batch = packedTexts(texts)
        let losses = workspace.scope {
            let pass = model.forward(
                batch, branches: views.branches, dropout: dropout, reads: .completions(first: completions),
                recomputes: recomputes, workspace: workspace)
            let gradient = workspace.matrix(rows: pass.hidden.rowCount, columns: pass.hidden.columnCount)
            let losses = model.completionLosses(pass, of: batch, hiddenGradient: gradient)
            model.backward(pass, hiddenGradient: gradient)
            return losses
        }
        return Result(losses: losses, gradients: views.gradients.mapValues(\.values))
    }

    @Test("activations that are computed again have the same bits", arguments: DecoderAnswers.languageCases)
    func recomputation(name: String) throws {
        #expect(try Self.run(name) == Self.run(name, recomputes: true))
    }

    @Test("a text's loss has the same bits alone and in company", arguments: DecoderAnswers.languageCases)
    func company(name: String) throws {
        let together = try Self.run(name, dropout: nil).losses
        for (place, text) in Self.texts.enumerated() {
            let alone = try Self.run(
                name, texts: [text], completions: [Self.completions[place]], dropout: nil
            ).losses
            #expect(alone == [together[place]])
        }
    }

    @Test("results do not depend on what the workspace held", arguments: ["qwen3", "mistral-f16"])
    func dirtyWorkspace(name: String) throws {
        let expected = try Self.run(name)
        let workspace = Workspace(blockSize: 4096)
        for _ in 0..<2 {
            for memory in [workspace, workspace.scratch] {
                memory.scope {
                    for _ in 0..<300 {
                        memory.matrix(rows: 97, columns: 31).fill(.nan)
                    }
                }
            }
            #expect(try Self.run(name, workspace: workspace) == expected)
        }
    }

    @Test("a text without a completion adds nothing to the gradients")
    func emptyCompletion() throws {
        let result = try Self.run("qwen3", texts: [[7], [3]], completions: [0, 1])
        #expect(result.losses == [0, 0])
        for (name, gradient) in result.gradients {
            #expect(gradient.allSatisfy { $0 == 0 }, "\(name)")
        }
    }

    @Test(
        "tokens that are fed one by one give the hidden state of a whole pass",
        arguments: DecoderAnswers.languageCases.filter { $0 != "llama-dynamic" })
    func cache(name: String) throws {
        // Not the dynamic scaling: its keys are turned by the length at the time, which no whole pass does.
        let answers = try DecoderAnswers.read(name)
        let model = try DecoderAnswers.model(answers.model)
        let branches = try answers.views(name, model).branches
        let workspace = Workspace()
        let caches = Self.texts.map { _ in KeyValueCache(model.configuration, capacity: 40) }
        // Prompts of different lengths at once, then token by token; texts that end leave.
        var lengths = Self.texts.map { ($0.count + 1) / 2 }
        var active = Array(Self.texts.indices)
        var pieces = active.map { Array(Self.texts[$0].prefix(lengths[$0])) }
        while !active.isEmpty {
            workspace.scope {
                let found = model.extend(
                    packedTexts(pieces), caches: active.map { caches[$0] }, branches: branches, workspace: workspace)
                for (row, text) in active.enumerated() {
                    let whole = model.forward(
                        packedTexts([Array(Self.texts[text].prefix(lengths[text]))]), branches: branches,
                        reads: .lastToken, forBackward: false, workspace: workspace)
                    #expect(found.rows(row..<row + 1).values == whole.hidden.values, "text \(text), \(lengths[text])")
                }
            }
            active = active.filter { lengths[$0] < Self.texts[$0].count }
            pieces = active.map { [Self.texts[$0][lengths[$0]]] }
            for text in active {
                lengths[text] += 1
            }
        }
    }
}
