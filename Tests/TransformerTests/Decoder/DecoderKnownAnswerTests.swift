//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing
import Transformer

@Suite("Known answers for decoders from PyTorch, transformers and PEFT, computed in 64-bit floats")
struct DecoderKnownAnswerTests {
    private static func compare(
        _ found: DecoderViews, divisor: Int, with expected: SafetensorsFile, limit: Double = 2e-5
    ) throws {
        var compared = 0
        for name in expected.names where name.hasPrefix("gradient.") {
            let gradient = try #require(found.gradients[String(name.dropFirst("gradient.".count))], "\(name)")
            let values = try #require(expected[name]).values.map { Double($0) * Double(divisor) }
            let error = relativeError(gradient.values, values)
            #expect(error < limit, "\(name): \(error)")
            compared += 1
        }
        #expect(compared == found.gradients.count)
    }

    @Test(
        "logits, loss and every gradient of a language model agree", arguments: DecoderAnswers.languageCases,
        [false, true])
    func language(name: String, recomputes: Bool) throws {
        try check(name, recomputes: recomputes, at: .highest, limit: 2e-5)
    }

    @Test("products of split floats agree to about 16 bits", arguments: DecoderAnswers.languageCases)
    func splitFloats(name: String) throws {
        try check(name, recomputes: false, at: .high, limit: 5e-4)
    }

    private func check(_ name: String, recomputes: Bool, at precision: MatmulPrecision, limit: Double) throws {
        let answers = try DecoderAnswers.read(name)
        let expected = try DecoderAnswers.tensors(name, "expected.safetensors")
        let model = try DecoderAnswers.model(answers.model).computing(
            at: precision, keepingSplitWeights: true)
        let views = try answers.views(name, model)
        let batch = answers.packed
        try model.check(batch)
        let workspace = Workspace()
        try workspace.scope {
            let pass = model.forward(
                batch, branches: views.branches,
                reads: .completions(first: try #require(answers.batch.completions)), recomputes: recomputes,
                workspace: workspace)
            #expect(pass.hidden.rowCount == answers.lossCount)
            let logits = model.logits(of: pass.hidden, workspace: workspace)
            let reference = try #require(expected["logits"]).values.map(Double.init)
            #expect(relativeError(logits.values, reference) < limit)
            let gradient = workspace.matrix(rows: pass.hidden.rowCount, columns: pass.hidden.columnCount)
            let losses = model.completionLosses(pass, of: batch, hiddenGradient: gradient)
            let loss = losses.reduce(0, +) / Double(answers.lossCount)
            #expect(abs(loss - answers.loss) < limit * answers.loss, "\(loss) and \(answers.loss)")
            #expect(model.completionLosses(pass, of: batch, hiddenGradient: nil) == losses)
            model.backward(pass, hiddenGradient: gradient)
        }
        try Self.compare(views, divisor: answers.lossCount, with: expected, limit: limit)
    }

    @Test("logits and every gradient of a sequence classifier agree", arguments: DecoderAnswers.labelCases)
    func labels(name: String) throws {
        let answers = try DecoderAnswers.read(name)
        let expected = try DecoderAnswers.tensors(name, "expected.safetensors")
        let model = try DecoderAnswers.model(answers.model)
        let views = try answers.views(name, model)
        let classifier = DecoderClassifier(model)
        let workspace = Workspace()
        try workspace.scope {
            let pass = classifier.forward(
                answers.packed, branches: views.branches, score: try #require(views.score), workspace: workspace)
            let reference = try #require(expected["logits"]).values.map(Double.init)
            #expect(relativeError(pass.logits.values, reference) < 2e-5)
            let (loss, gradient) = meanLoss(pass.logits, labels: try #require(answers.batch.labels))
            #expect(abs(loss - answers.loss) < 2e-5 * answers.loss)
            classifier.backward(pass, logitsGradient: gradient)
        }
        try Self.compare(views, divisor: 1, with: expected)
    }

    @Test(
        "importance from z = A·x over all tokens agrees",
        arguments: DecoderAnswers.languageCases + DecoderAnswers.labelCases)
    func importance(name: String) throws {
        let answers = try DecoderAnswers.read(name)
        let model = try DecoderAnswers.model(answers.model)
        let views = try answers.views(name, model)
        var sums: [String: Double] = [:]
        let workspace = Workspace()
        workspace.scope {
            _ = model.forward(
                answers.packed, branches: views.branches, reads: .allTokens, forBackward: false,
                observe: { index, reduced in
                    guard let branch = views.branches[index] else { return }
                    let output = Matrix(rows: reduced.rowCount, columns: branch.up.rowCount)
                    gemm(reduced, branch.up, transposed: true, into: output, alpha: branch.scale)
                    sums[model.projections[index].path] = output.sumOfSquares
                }, workspace: workspace)
        }
        #expect(sums.count == answers.importance.count)
        for (path, value) in answers.importance {
            let found = try #require(sums[path], "\(path)")
            #expect(abs(found - value) < 2e-5 * value, "\(path)")
        }
    }
}
