//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

extension EncoderLayer {
    /// Adds to the gradients of the layer's branches and, if asked, computes the gradient of its input.
    ///
    /// Nothing is computed below the lowest trained branch when nobody reads the input's gradient.
    /// - Parameters:
    ///   - gradient: That of the output, [output rows, hidden]; overwritten on the way.
    ///   - kept: What `forward` returned.
    ///   - inputGradient: Where that of the input goes, [tokens, hidden]; nil if nobody reads it.
    func backward(_ gradient: Matrix, kept: Kept, inputGradient: Matrix?) {
        guard let outputNorm = kept.outputNorm, let attentionNorm = kept.attentionNorm, let slope = kept.slope else {
            preconditionFailure("backward through layer \(number), of which forward kept nothing")
        }
        let workspace = context.workspace
        /// Whether the gradient is needed of what lies before `role` in the layer.
        func isNeeded(before role: ProjectionRole) -> Bool {
            inputGradient != nil
                || ProjectionRole.allCases.prefix(role.rawValue).contains { projection($0).isTrained }
        }
        func back(_ role: ProjectionRole, _ outer: Matrix, rows: RowLayout, into inner: Matrix?, adding: Bool) {
            projection(role).backward(
                outer, kept: kept.branches[role.rawValue], rows: rows, inputGradient: inner, adding: adding,
                context: context)
        }

        // The gradient of the sum before a LayerNorm is that of the projection's output and of the residual alike;
        // the projection reads it first, then the rest is added to it as to the residual's.
        ComputeClock.count(.normalisation) {
            frozen.outputNorm.backward(gradient, kept: outputNorm)
        }
        let wide =
            isNeeded(before: .output)
            ? workspace.spreadMatrix(rows: slope.rowCount, columns: slope.columnCount) : nil
        back(.output, gradient, rows: outputRows, into: wide, adding: false)
        guard let wide else { return }
        ComputeClock.count(.activation) {
            wide.multiply(by: slope)
        }

        let needsMiddle = isNeeded(before: .intermediate)
        back(.intermediate, wide, rows: outputRows, into: needsMiddle ? gradient : nil, adding: true)
        guard needsMiddle else { return }
        ComputeClock.count(.normalisation) {
            frozen.attentionNorm.backward(gradient, kept: attentionNorm)
        }

        let mixed =
            isNeeded(before: .attentionOutput)
            ? workspace.matrix(rows: outputRows.rowCount, columns: gradient.columnCount) : nil
        back(.attentionOutput, gradient, rows: outputRows, into: mixed, adding: false)
        guard let mixed else { return }
        backwardThroughAttention(mixed, residual: gradient, kept: kept, inputGradient: inputGradient)
    }

    /// - Parameters:
    ///   - mixed: The gradient of the attention's context.
    ///   - residual: The gradient that reaches the output rows of the input past the attention.
    private func backwardThroughAttention(
        _ mixed: Matrix, residual: Matrix, kept: Kept, inputGradient: Matrix?
    ) {
        let workspace = context.workspace
        let hidden = residual.columnCount
        func buffer(_ role: ProjectionRole, rows: RowLayout) -> Matrix? {
            inputGradient != nil || projection(role).isTrained
                ? workspace.matrix(rows: rows.rowCount, columns: hidden) : nil
        }
        let gradients = Attention.Gradients(
            query: buffer(.query, rows: outputRows), key: buffer(.key, rows: rows), value: buffer(.value, rows: rows))
        ComputeClock.count(.attention) {
            attention.backward(
                mixed, query: kept.query, key: kept.key, value: kept.value, probabilities: kept.probabilities,
                queryRows: outputRows, rows: rows, gradients: gradients, workspace: workspace)
        }

        func back(_ role: ProjectionRole, _ outer: Matrix?, rows: RowLayout, into inner: Matrix?, adding: Bool) {
            guard let outer else { return }
            projection(role).backward(
                outer, kept: kept.branches[role.rawValue], rows: rows, inputGradient: inner, adding: adding,
                context: context)
        }
        back(.key, gradients.key, rows: rows, into: inputGradient, adding: false)
        back(.value, gradients.value, rows: rows, into: inputGradient, adding: true)
        back(.query, gradients.query, rows: outputRows, into: inputGradient == nil ? nil : residual, adding: true)
        guard let inputGradient else { return }
        if readsAllTokens {
            inputGradient.add(residual)
        } else {
            for example in 0..<rows.exampleCount {
                let first = rows.starts[example]
                inputGradient.rows(first..<first + 1).add(residual.rows(example..<example + 1))
            }
        }
    }
}
