//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness
import Tensors
import Testing
import Transformer

@Suite("Examples packed end to end")
struct PackingTests {
    private static let lengths: [(id: UInt32, length: Int)] = [(3, 5), (9, 1), (4, 17), (12, 8), (7, 2)]

    @Test("an example gets the logits alone that it gets among others")
    func logits() throws {
        let random = try RandomModel()
        let together = random.addGradients(examples(Self.lengths))
        for (place, example) in Self.lengths.enumerated() {
            let alone = random.addGradients(examples([example]))
            for label in 0..<RandomModel.labels {
                #expect(abs(alone[label] - together[place * RandomModel.labels + label]) < 1e-6)
            }
        }
    }

    @Test("dropout draws the same for an example in whatever shard it is, and other steps draw otherwise")
    func dropout() throws {
        func dropout(step: UInt32) -> InputDropout {
            InputDropout(probability: 0.3, step: step) { index in
                RandomStream(seed: 1, purpose: .inputDropout, index: UInt32(index))
            }
        }
        let random = try RandomModel()
        let without = random.addGradients(examples(Self.lengths))
        random.clearGradients()
        let together = random.addGradients(examples(Self.lengths), dropout: dropout(step: 1))
        let gradients = random.parameters.map { $0.gradient.values.map(Double.init) }
        random.clearGradients()
        var alone: [Float] = []
        for example in Self.lengths {
            alone += random.addGradients(examples([example]), dropout: dropout(step: 1))
        }
        #expect(relativeError(alone, together.map(Double.init)) < 1e-6)
        for (parameter, expected) in zip(random.parameters, gradients) {
            #expect(relativeError(parameter.gradient.values, expected) < 3e-6, "\(parameter.name)")
        }
        let another = random.addGradients(examples(Self.lengths), dropout: dropout(step: 2))
        #expect(relativeError(another, together.map(Double.init)) > 1e-3)
        #expect(relativeError(without, together.map(Double.init)) > 1e-3)
    }

    @Test("a dropout of zero is none")
    func noDropout() throws {
        let random = try RandomModel()
        let dropout = InputDropout(probability: 0, step: 1) { _ in RandomStream(seed: 1, purpose: .inputDropout) }
        let with = random.addGradients(oddExamples, dropout: dropout)
        #expect(with == random.addGradients(oddExamples))
    }

    @Test("a branch of zero changes nothing")
    func zeroBranch() throws {
        let random = try RandomModel()
        for (name, value, _) in random.parameters where name.hasSuffix(".B") {
            value.fill(0)
        }
        let workspace = Workspace()
        let logits = workspace.scope {
            random.model.forward(
                oddExamples, branches: random.model.projections.map { _ in nil }, head: random.head,
                workspace: workspace
            ).logits.values
        }
        #expect(random.addGradients(oddExamples) == logits)
    }

    @Test(
        "a pass without backward gives the same logits in less memory",
        arguments: [TokensRead.firstTokenOnly, .allTokens])
    func forwardOnly(reads: TokensRead) throws {
        let random = try RandomModel()
        func pass(forBackward: Bool) -> (logits: [Float], hidden: [Float], bytes: Int) {
            let workspace = Workspace(blockSize: 16)
            let pass = random.model.forward(
                oddExamples, branches: random.branches, head: random.head, reads: reads, forBackward: forBackward,
                workspace: workspace)
            return (pass.logits.values, pass.hidden.values, workspace.byteCount)
        }
        let keeping = pass(forBackward: true)
        let passing = pass(forBackward: false)
        #expect(passing.logits == keeping.logits)
        #expect(passing.hidden == keeping.hidden)
        #expect(passing.bytes < keeping.bytes)
    }
}
