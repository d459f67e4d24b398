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
            let probabilities = workspace.headMatrix(rows: headCount * queries.count, columns: tokens.count)
            probabilities.setHeadProducts(
                query.rows(queries), transposed: key.rows(tokens), heads: headCount, in: workspace)
            probabilities.applySoftmax(scale: scale)
            context.rows(queries).setHeadProducts(probabilities, value.rows(tokens), heads: headCount)
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
                valueGradient.setHeadProducts(transposed: probabilities, outer, heads: headCount)
            }
            guard gradients.query != nil || gradients.key != nil else { continue }
            workspace.scope {
                let scores = workspace.headMatrix(rows: headCount * queries.count, columns: tokens.count)
                scores.setHeadProducts(outer, transposed: value.rows(tokens), heads: headCount, in: workspace)
                scores.applySoftmaxBackward(probabilities: probabilities, scale: scale)
                gradients.query?.rows(queries).setHeadProducts(scores, key.rows(tokens), heads: headCount)
                gradients.key?.rows(tokens).setHeadProducts(
                    transposed: scores, query.rows(queries), heads: headCount)
            }
        }
    }
}
