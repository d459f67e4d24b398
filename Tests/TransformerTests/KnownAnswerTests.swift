//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing
import Transformer

@Suite("Known answers from PyTorch and PEFT, computed in 64-bit floats")
struct KnownAnswerTests {
    @Test(
        "logits, loss and every gradient agree", arguments: KnownAnswers.cases, [TokensRead.firstTokenOnly, .allTokens])
    func gradients(name: String, reads: TokensRead) throws {
        try check(name, reads, at: .highest, limit: 2e-5)
    }

    @Test("products of split floats agree to about 16 bits", arguments: KnownAnswers.cases)
    func splitFloats(name: String) throws {
        try check(name, .firstTokenOnly, at: .high, limit: 2e-4)
    }

    private func check(_ name: String, _ reads: TokensRead, at precision: MatmulPrecision, limit: Double) throws {
        let answers = try KnownAnswers.read(name)
        let expected = try KnownAnswers.tensors(name, "expected.safetensors")
        for folder in answers.modelFolders {
            let model = try KnownAnswers.model(folder, of: name, trainPooler: answers.trainsPooler)
                .computing(at: precision)
            let views = try TrainedViews(
                model: model, adapter: KnownAnswers.tensors(name, "adapter/adapter_model.safetensors"),
                scale: Float(answers.alpha / Double(answers.adapterRank)), sharedLayers: answers.sharedLayers,
                trainsPooler: answers.trainsPooler)
            let batch = answers.batch.packed
            try model.check(batch)
            let workspace = Workspace()
            try workspace.scope {
                let pass = model.forward(
                    batch, branches: views.branches, head: views.head, reads: reads, workspace: workspace)
                let logitsError = relativeError(pass.logits.values, Array(answers.logits.joined()))
                #expect(logitsError < limit, "\(folder): logits")
                let (loss, gradient) = meanLoss(pass.logits, labels: answers.batch.labels)
                #expect(abs(loss - answers.loss) < limit * abs(answers.loss), "\(folder): loss")
                if reads == .allTokens {
                    let hidden = try #require(expected["hidden"]).values
                    #expect(relativeError(pass.hidden.values, hidden.map(Double.init)) < limit, "\(folder): hidden")
                }
                model.backward(pass, logitsGradient: gradient)
            }
            var compared = 0
            for name in expected.names where name.hasPrefix("gradient.") {
                let gradient = try #require(views.gradients[String(name.dropFirst("gradient.".count))], "\(name)")
                let values = try #require(expected[name]).values.map(Double.init)
                let error = relativeError(gradient.values, values)
                #expect(error < limit, "\(folder): \(name)")
                compared += 1
            }
            #expect(compared == views.gradients.count)
        }
    }

    @Test("importance from z = A·x over all tokens agrees", arguments: KnownAnswers.cases)
    func importance(name: String) throws {
        let answers = try KnownAnswers.read(name)
        let model = try KnownAnswers.model(
            answers.modelFolders[0], of: name, trainPooler: answers.trainsPooler)
        let views = try TrainedViews(
            model: model, adapter: KnownAnswers.tensors(name, "adapter/adapter_model.safetensors"),
            scale: Float(answers.alpha / Double(answers.adapterRank)), sharedLayers: answers.sharedLayers,
            trainsPooler: answers.trainsPooler)
        var sums: [String: Double] = [:]
        let workspace = Workspace()
        workspace.scope {
            _ = model.forward(
                answers.batch.packed, branches: views.branches, head: views.head, reads: .allTokens,
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
