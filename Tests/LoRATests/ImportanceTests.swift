//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import LoRA
import Tensors
import Testing
import Transformer

struct ImportanceTests {
    static func random(_ rows: Int, _ columns: Int, _ draws: inout TestDraws) -> Matrix {
        Matrix(
            rows: rows, columns: columns,
            values: (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &draws) })
    }

    /// ΔW = s·B·A in 64-bit floats, row by row.
    static func update(_ branch: LowRankBranch) -> [[Double]] {
        (0..<branch.up.rowCount).map { row in
            (0..<branch.down.columnCount).map { column in
                (0..<branch.down.rowCount).reduce(0) {
                    $0 + Double(branch.scale) * Double(branch.up[row, $1]) * Double(branch.down[$1, column])
                }
            }
        }
    }

    @Test("the Gram form is the squared norm of the LoRA's output", arguments: [1, 2, 7, 16])
    func gramForm(rank: Int) {
        var draws = TestDraws(state: UInt64(rank))
        for (tokens, inputs, outputs) in [(1, 1, 1), (5, 9, 3), (33, 20, 41)] {
            let branch = LowRankBranch(
                down: Self.random(rank, inputs, &draws), up: Self.random(outputs, rank, &draws), scale: 1.5)
            var importance = OutputImportance(branches: [nil, branch])
            let update = Self.update(branch)
            var expected = 0.0
            for _ in 0..<2 {
                let x = Self.random(tokens, inputs, &draws)
                let lowRank = Matrix(rows: tokens, columns: rank)
                gemm(x, branch.down, transposed: true, into: lowRank)
                importance.add(projection: 1, lowRank: lowRank)
                for token in 0..<tokens {
                    for row in update {
                        let output = (0..<inputs).reduce(0) { $0 + row[$1] * Double(x[token, $1]) }
                        expected += output * output
                    }
                }
            }
            #expect(importance.sums[0] == 0)
            #expect(abs(importance.sums[1] - expected) < 1e-5 * expected)
        }
    }

    @Test("a LoRA whose B is zero has no importance")
    func zero() {
        let branch = LowRankBranch(
            down: Matrix(rows: 2, columns: 3, values: [1, 2, 3, 4, 5, 6]), up: Matrix(rows: 4, columns: 2), scale: 2)
        var importance = OutputImportance(branches: [branch])
        importance.add(projection: 0, lowRank: Matrix(rows: 1, columns: 2, values: [3, -4]))
        #expect(importance.sums == [0])
        #expect(ParameterScores.weightNorms(of: [branch, nil]) == [0, 0])
    }

    @Test("the weight norm is the Frobenius norm of the update")
    func weightNorm() {
        var draws = TestDraws(state: 5)
        for rank in [1, 3, 8] {
            let branch = LowRankBranch(
                down: Self.random(rank, 13, &draws), up: Self.random(9, rank, &draws), scale: 0.25)
            let expected = Self.update(branch).joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
            let found = ParameterScores.weightNorms(of: [branch])[0]
            #expect(abs(found - expected) < 1e-9 * expected)
        }
    }

    @Test("the saliency sums |parameter · gradient| over both matrices, for shared ones under each user")
    func saliency() throws {
        let configuration = try bertConfiguration(layers: 3)
        let layout = try ParameterLayoutTests.layout(configuration, targets: ["query"], kept: [0])
        let values = (0..<layout.count).map { Float($0 % 5) - 2 }
        let gradients = (0..<layout.count).map { Float($0 % 7) - 3 }
        let scores = ParameterScores.saliencies(layout, values: values, gradients: gradients)
        let products = zip(values, gradients).map { Double(($0 * $1).magnitude) }
        let own = products[layout.tensors[0].range.lowerBound..<layout.tensors[1].range.upperBound].reduce(0, +)
        let shared = products[layout.tensors[2].range.lowerBound..<layout.tensors[3].range.upperBound].reduce(0, +)
        let query = configuration.projections.filter { $0.role == .query }.map { scores[$0.index] }
        #expect(query == [own, shared, shared])
        #expect(scores.reduce(0, +) == own + 2 * shared)
    }

    @Test("the importance of every module is PyTorch's", arguments: Vectors.caseNames)
    func knownAnswers(name: String) throws {
        let known = try Vectors.knownCase(name)
        for folder in known.modelFolders {
            let configuration = try EncoderConfiguration(folder: Vectors.model(folder))
            let base = try ModelWeights(folder: Vectors.model(folder))
            let adapter = try PEFTAdapter(
                folder: Vectors.adapter(name), configuration: configuration,
                fingerprint: { BaseModelFingerprint.of(base) })
            let model = try SequenceClassifier(
                configuration: configuration, source: base, trainPooler: adapter.trainsPooler)
            let parameters = adapter.parameters
            var importance = OutputImportance(branches: parameters.branches)
            let workspace = Workspace()
            let logits = workspace.scope {
                let pass = model.forward(
                    known.batch.packed, branches: parameters.branches, head: parameters.head, reads: .allTokens,
                    observe: { importance.add(projection: $0, lowRank: $1) }, workspace: workspace)
                return pass.logits.values.map(Double.init)
            }
            #expect(relativeError(logits, known.logits.flatMap(\.self)) < 2e-5)
            #expect(known.importance.count == parameters.branches.compactMap(\.self).count)
            for projection in configuration.projections {
                guard let expected = known.importance[projection.path] else {
                    #expect(importance.sums[projection.index] == 0)
                    continue
                }
                #expect(abs(importance.sums[projection.index] - expected) < 2e-5 * expected, "\(projection.path)")
            }
        }
    }
}
