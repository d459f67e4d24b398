//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness
import Tensors
import Testing
import Transformer

@Suite("Gradients of decoders against finite differences")
struct DecoderGradientTests {
    @Test("every branch agrees", arguments: ["llama-biased", "llama-yarn-tied", "mistral-f16", "qwen2", "qwen3"])
    func everyBranch(name: String) throws {
        let answers = try DecoderAnswers.read(name)
        let model = try DecoderAnswers.model(answers.model)
        let views = try answers.views(name, model)
        let batch = packedTexts(DecoderPassTests.texts)
        let workspace = Workspace()
        func objective(differentiating: Bool) -> Double {
            workspace.scope {
                let pass = model.forward(
                    batch, branches: views.branches, dropout: DecoderPassTests.dropout,
                    reads: .completions(first: DecoderPassTests.completions), workspace: workspace)
                let gradient =
                    differentiating
                    ? workspace.matrix(rows: pass.hidden.rowCount, columns: pass.hidden.columnCount) : nil
                let losses = model.completionLosses(pass, of: batch, hiddenGradient: gradient)
                if let gradient {
                    model.backward(pass, hiddenGradient: gradient)
                }
                return losses.reduce(0, +)
            }
        }
        _ = objective(differentiating: true)
        for (name, value) in views.values {
            let gradient = try #require(views.gradients[name])
            let norm = gradient.sumOfSquares.squareRoot()
            #expect(norm > 1e-3, "\(name) has a gradient of almost zero, which proves nothing")
            let start = value.values
            let direction = gradient.values.map { $0 / Float(norm) }
            let step: Float = 2e-3
            func moved(_ factor: Float) -> Double {
                value.copy(from: zip(start, direction).map { $0 + factor * step * $1 })
                return objective(differentiating: false)
            }
            let difference = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * Double(step))
            value.copy(from: start)
            #expect(abs(difference - norm) < 3e-3 * norm + 1e-5 / Double(step), "\(name): \(difference), \(norm)")
        }
    }
}
