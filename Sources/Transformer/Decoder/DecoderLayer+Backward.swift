//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

extension DecoderLayer {
    /// Adds to the gradients of the layer's branches and, if asked, computes the gradient of its input.
    ///
    /// Nothing is computed below the lowest trained branch when nobody reads the input's gradient.
    /// - Parameters:
    ///   - gradient: That of the output, [output rows, hidden]; overwritten on the way.
    ///   - input: What `forward` was given, [tokens, hidden].
    ///   - kept: What `forward` returned.
    ///   - inputGradient: Where that of the input goes, [tokens, hidden]; nil if nobody reads it.
    func backward(_ gradient: Matrix, input: Matrix, kept: Kept, inputGradient: Matrix?) {
        let workspace = context.workspace
        /// Whether the gradient is needed of what one of these projections, or anything before the layer, made.
        func isNeeded(_ kinds: DecoderProjection...) -> Bool {
            inputGradient != nil || kinds.contains { projection($0).isTrained }
        }
        func back(_ kind: DecoderProjection, _ outer: Matrix, into inner: Matrix?, adding: Bool) {
            projection(kind).backward(
                outer, kept: kept.branches[kind.place], rows: outputRows, inputGradient: inner, adding: adding,
                context: context)
        }

        let wide =
            isNeeded(.query, .key, .value, .attentionOutput, .gate, .up)
            ? workspace.spreadMatrix(rows: kept.gate.rowCount, columns: kept.gate.columnCount) : nil
        back(.down, gradient, into: wide, adding: false)
        guard let wide else { return }
        let upGradient = workspace.spreadMatrix(rows: wide.rowCount, columns: wide.columnCount)
        ComputeClock.count(.activation) {
            SiLUGate.backward(wide, gate: kept.gate, up: kept.up, upGradient: upGradient)
        }
        let narrow =
            isNeeded(.query, .key, .value, .attentionOutput)
            ? workspace.matrix(rows: gradient.rowCount, columns: gradient.columnCount) : nil
        back(.gate, wide, into: narrow, adding: false)
        back(.up, upGradient, into: narrow, adding: true)
        guard let narrow else { return }
        ComputeClock.count(.normalisation) {
            frozen.feedForwardNorm.backward(
                narrow, x: kept.middle, reciprocals: kept.feedForwardReciprocals, into: gradient, adding: true)
        }

        let mixed =
            isNeeded(.query, .key, .value)
            ? workspace.matrix(rows: gradient.rowCount, columns: kept.query.columnCount) : nil
        back(.attentionOutput, gradient, into: mixed, adding: false)
        guard let mixed else { return }
        backwardThroughAttention(
            mixed, residual: gradient, input: input, kept: kept, inputGradient: inputGradient)
    }

    /// - Parameters:
    ///   - mixed: The gradient of the attention's context.
    ///   - residual: The gradient that reaches the output rows of the input past the attention.
    private func backwardThroughAttention(
        _ mixed: Matrix, residual: Matrix, input: Matrix, kept: Kept, inputGradient: Matrix?
    ) {
        let workspace = context.workspace
        func buffer(_ kind: DecoderProjection, like x: Matrix) -> Matrix? {
            inputGradient != nil || projection(kind).isTrained
                ? workspace.matrix(rows: x.rowCount, columns: x.columnCount) : nil
        }
        let gradients = CausalAttention.Gradients(
            query: buffer(.query, like: kept.query), key: buffer(.key, like: kept.key),
            value: buffer(.value, like: kept.value))
        ComputeClock.count(.attention) {
            attention.backward(
                mixed, query: kept.query, key: kept.key, value: kept.value, queryRows: outputRows, rows: rows,
                gradients: gradients, workspace: workspace.scratch)
        }
        turnBack(gradients.query, kept.queryHeads, frozen.headNorms?.query, outputRows)
        turnBack(gradients.key, kept.keyHeads, frozen.headNorms?.key, rows)

        func back(_ kind: DecoderProjection, _ outer: Matrix?, rows: RowLayout, into inner: Matrix?, adding: Bool) {
            guard let outer else { return }
            projection(kind).backward(
                outer, kept: kept.branches[kind.place], rows: rows, inputGradient: inner, adding: adding,
                context: context)
        }
        func normalisedGradient(_ rows: RowLayout) -> Matrix? {
            inputGradient == nil ? nil : workspace.matrix(rows: rows.rowCount, columns: residual.columnCount)
        }
        let normalised = normalisedGradient(rows)
        back(.key, gradients.key, rows: rows, into: normalised, adding: false)
        back(.value, gradients.value, rows: rows, into: normalised, adding: true)
        if readsAllTokens {
            back(.query, gradients.query, rows: rows, into: normalised, adding: true)
        } else {
            let read = normalisedGradient(outputRows)
            back(.query, gradients.query, rows: outputRows, into: read, adding: false)
            forEachOutputRange { tokens, outputs in
                if let read {
                    normalised?.rows(tokens).add(read.rows(outputs))
                }
            }
        }
        guard let inputGradient, let normalised else { return }
        ComputeClock.count(.normalisation) {
            frozen.attentionNorm.backward(
                normalised, x: input, reciprocals: kept.attentionReciprocals, into: inputGradient, adding: false)
        }
        forEachOutputRange { tokens, outputs in
            inputGradient.rows(tokens).add(residual.rows(outputs))
        }
    }

    /// From the gradient of turned heads to that of the projection's output, in place.
    private func turnBack(_ gradient: Matrix?, _ before: HeadsKept?, _ norm: RMSNorm?, _ rows: RowLayout) {
        guard let gradient else { return }
        turn(gradient, rows, .backward)
        guard let before, let norm else { return }
        let heads = gradient.reshaped(rows: before.heads.rowCount, columns: before.heads.columnCount)
        ComputeClock.count(.normalisation) {
            norm.backward(heads, x: before.heads, reciprocals: before.reciprocals, into: heads, adding: false)
        }
    }
}
