//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// Layer normalisation over rows with frozen gain and offset, fused with what stands before it in an encoder:
/// y = (v - mean)/√(variance + epsilon)·gamma + beta, where v = x + bias + residual.
///
/// Source: Ba, Kiros, Hinton, arXiv:1607.06450; the variance is that of the whole row, as in PyTorch.
package struct LayerNorm: Sendable {
    /// The gain, [1, columns].
    package let gamma: Matrix
    /// The offset, [1, columns].
    package let beta: Matrix
    /// Added to the variance.
    package let epsilon: Float

    package init(gamma: Matrix, beta: Matrix, epsilon: Float) {
        gamma.requireVector(beta)
        self.gamma = gamma
        self.beta = beta
        self.epsilon = epsilon
    }

    /// What backward reads.
    package struct Kept {
        /// (v - mean)/√(variance + epsilon), [rows, columns].
        package let normalised: Matrix
        /// 1/√(variance + epsilon), [rows, 1].
        package let reciprocals: Matrix

        /// Takes the memory for `rows` rows from `workspace`.
        package init(rows: Int, columns: Int, workspace: Workspace) {
            normalised = workspace.matrix(rows: rows, columns: columns)
            reciprocals = workspace.matrix(rows: rows, columns: 1)
        }
    }

    /// Writes y, which may be `x` itself.
    /// - Parameters:
    ///   - x: [rows, columns].
    ///   - bias: [1, columns].
    ///   - residual: [rows, columns].
    ///   - kept: Filled if there will be a backward pass.
    package func apply(_ x: Matrix, bias: Matrix? = nil, residual: Matrix? = nil, into y: Matrix, kept: Kept? = nil) {
        x.requireVector(gamma)
        x.requireShape(of: y)
        if let bias {
            x.requireVector(bias)
        }
        if let residual {
            x.requireShape(of: residual)
        }
        if let kept {
            x.requireShape(of: kept.normalised)
        }
        withExtendedLifetime((x, bias, residual, kept, y, self)) {
            ck_layer_norm(
                x.base, x.rowStride, bias?.base, residual?.base, residual?.rowStride ?? 0, gamma.base, beta.base,
                epsilon, kept?.normalised.base, kept?.normalised.rowStride ?? 0, kept?.reciprocals.base, y.base,
                y.rowStride, x.rowCount, x.columnCount)
        }
    }

    /// Turns the gradient of y into that of v (and so of x and of the residual), in place.
    package func backward(_ gradient: Matrix, kept: Kept) {
        gradient.requireVector(gamma)
        gradient.requireShape(of: kept.normalised)
        withExtendedLifetime((gradient, kept, self)) {
            ck_layer_norm_backward(
                kept.normalised.base, kept.normalised.rowStride, kept.reciprocals.base, gamma.base, gradient.base,
                gradient.rowStride, gradient.rowCount, gradient.columnCount)
        }
    }
}
