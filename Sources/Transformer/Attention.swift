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
            let probabilities = PackedRows.paddedMatrix(
                rows: headCount * queries.count, columns: tokens.count, in: workspace)
            setProducts(probabilities, query.rows(queries), key.rows(tokens), workspace: workspace)
            probabilities.applySoftmax(scale: scale)
            for head in 0..<headCount {
                let columns = columns(of: head)
                context.rows(queries).columns(columns).setProduct(
                    probabilities.rows(self.rows(of: head, queries.count)), value.rows(tokens).columns(columns))
            }
            return probabilities
        }
    }

    /// Head by head a·bᵀ: scores from queries and keys, and the probabilities' gradient from the context's and values.
    private func setProducts(_ scores: Matrix, _ a: Matrix, _ b: Matrix, workspace: Workspace) {
        for head in 0..<headCount {
            let columns = columns(of: head)
            workspace.scope {
                scores.rows(rows(of: head, a.rowCount)).setProduct(
                    a.columns(columns), PackedRows(b.columns(columns), in: workspace))
            }
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
                    valueGradient.columns(columns).setProduct(
                        transposed: probabilities.rows(self.rows(of: head, queries.count)), outer.columns(columns))
                }
            }
            guard gradients.query != nil || gradients.key != nil else { continue }
            workspace.scope {
                let scores = PackedRows.paddedMatrix(
                    rows: headCount * queries.count, columns: tokens.count, in: workspace)
                setProducts(scores, outer, value.rows(tokens), workspace: workspace)
                scores.applySoftmaxBackward(probabilities: probabilities, scale: scale)
                for head in 0..<headCount {
                    let columns = columns(of: head)
                    let scores = scores.rows(self.rows(of: head, queries.count))
                    gradients.query?.rows(queries).columns(columns).setProduct(
                        scores, key.rows(tokens).columns(columns))
                    gradients.key?.rows(tokens).columns(columns).setProduct(
                        transposed: scores, query.rows(queries).columns(columns))
                }
            }
        }
    }

    private func rows(of head: Int, _ count: Int) -> Range<Int> {
        head * count..<(head + 1) * count
    }

    private func columns(of head: Int) -> Range<Int> {
        head * headSize..<(head + 1) * headSize
    }
}
