//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// Multi-head attention of each example within itself: for each head, softmax(Q·Kᵀ/√headSize)·V.
///
/// Source: Vaswani et al., arXiv:1706.03762, §3.2. Heads are column ranges of Q, K and V, examples row ranges, both
/// read where they lie. There is no mask: nothing is padded.
struct Attention {
    let headCount: Int
    let headSize: Int

    /// 1/√headSize.
    private var scale: Float { 1 / Float(headSize).squareRoot() }

    /// Computes the context, [query rows, hidden].
    /// - Parameters:
    ///   - query: [query rows, hidden]; `queryRows` says which tokens they are.
    ///   - key: [tokens, hidden].
    ///   - value: [tokens, hidden].
    ///   - rows: The layout of key and value.
    ///   - workspace: What is returned stays in it.
    /// - Returns: For each example the probabilities, [heads · query rows, tokens], which backward reads.
    func forward(
        query: Matrix, key: Matrix, value: Matrix, queryRows: RowLayout, rows: RowLayout, into context: Matrix,
        workspace: Workspace
    ) -> [Matrix] {
        (0..<rows.exampleCount).map { example in
            let queries = queryRows.rows(of: example)
            let tokens = rows.rows(of: example)
            let query = query.rows(queries)
            let key = key.rows(tokens)
            let value = value.rows(tokens)
            let context = context.rows(queries)
            let probabilities = workspace.matrix(rows: headCount * queries.count, columns: tokens.count)
            for head in 0..<headCount {
                let columns = columns(of: head)
                gemm(
                    query.columns(columns), key.columns(columns), transposed: true,
                    into: probabilities.rows(head * queries.count..<(head + 1) * queries.count))
            }
            probabilities.applySoftmax(scale: scale)
            for head in 0..<headCount {
                let columns = columns(of: head)
                gemm(
                    probabilities.rows(head * queries.count..<(head + 1) * queries.count), value.columns(columns),
                    into: context.columns(columns))
            }
            return probabilities
        }
    }

    /// The inputs' gradients, each computed only where there is a matrix for it.
    struct Gradients {
        let query: Matrix?
        let key: Matrix?
        let value: Matrix?
    }

    /// Computes `gradients` from that of the context, [query rows, hidden].
    func backward(
        _ contextGradient: Matrix, query: Matrix, key: Matrix, value: Matrix, probabilities: [Matrix],
        queryRows: RowLayout, rows: RowLayout, gradients: Gradients, workspace: Workspace
    ) {
        for example in 0..<rows.exampleCount {
            let queries = queryRows.rows(of: example)
            let tokens = rows.rows(of: example)
            let outer = contextGradient.rows(queries)
            let probabilities = probabilities[example]
            if let valueGradient = gradients.value?.rows(tokens) {
                for head in 0..<headCount {
                    let columns = columns(of: head)
                    gemm(
                        probabilities.rows(head * queries.count..<(head + 1) * queries.count), transposed: true,
                        outer.columns(columns), into: valueGradient.columns(columns))
                }
            }
            guard gradients.query != nil || gradients.key != nil else { continue }
            workspace.scope {
                let value = value.rows(tokens)
                let scores = workspace.matrix(rows: headCount * queries.count, columns: tokens.count)
                for head in 0..<headCount {
                    let columns = columns(of: head)
                    gemm(
                        outer.columns(columns), value.columns(columns), transposed: true,
                        into: scores.rows(head * queries.count..<(head + 1) * queries.count))
                }
                scores.applySoftmaxBackward(probabilities: probabilities, scale: scale)
                let query = query.rows(queries)
                let key = key.rows(tokens)
                for head in 0..<headCount {
                    let columns = columns(of: head)
                    let scores = scores.rows(head * queries.count..<(head + 1) * queries.count)
                    if let queryGradient = gradients.query?.rows(queries) {
                        gemm(scores, key.columns(columns), into: queryGradient.columns(columns))
                    }
                    if let keyGradient = gradients.key?.rows(tokens) {
                        gemm(scores, transposed: true, query.columns(columns), into: keyGradient.columns(columns))
                    }
                }
            }
        }
    }

    private func columns(of head: Int) -> Range<Int> {
        head * headSize..<(head + 1) * headSize
    }
}
