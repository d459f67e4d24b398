//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// y = x/√(mean(x²) + epsilon)·gamma, row by row.
///
/// Zhang and Sennrich, arXiv:1910.07467.
package struct RMSNorm: Sendable {
    /// The gain, [1, columns].
    package let gamma: Matrix
    /// Added to the mean square.
    package let epsilon: Float

    package init(gamma: Matrix, epsilon: Float) {
        precondition(gamma.rowCount == 1, "a gain [\(gamma.rowCount), \(gamma.columnCount)]")
        self.gamma = gamma
        self.epsilon = epsilon
    }

    /// Writes y, which may be `x` itself.
    /// - Parameters:
    ///   - x: [rows, columns].
    ///   - reciprocals: Gets 1/√(mean(x²) + epsilon), [rows, 1]; backward reads it, and x.
    package func apply(_ x: Matrix, into y: Matrix, reciprocals: Matrix? = nil) {
        x.requireVector(gamma)
        x.requireShape(of: y)
        if let reciprocals {
            precondition(
                reciprocals.rowCount == x.rowCount && reciprocals.columnCount == 1 && reciprocals.isContiguous,
                "reciprocals [\(reciprocals.rowCount), \(reciprocals.columnCount)] of \(x.rowCount) rows")
        }
        withExtendedLifetime((x, y, reciprocals, self)) {
            ck_rms_norm(
                x.base, x.rowStride, gamma.base, epsilon, reciprocals?.base, y.base, y.rowStride, x.rowCount,
                x.columnCount)
        }
    }

    /// Computes the gradient of x from that of y.
    /// - Parameters:
    ///   - outer: The gradient of y, [rows, columns].
    ///   - x: What `apply` was given.
    ///   - reciprocals: What `apply` wrote.
    ///   - inner: Gets the gradient of x, or has it added; without `adding` it may be `outer` itself.
    package func backward(_ outer: Matrix, x: Matrix, reciprocals: Matrix, into inner: Matrix, adding: Bool) {
        x.requireVector(gamma)
        x.requireShape(of: outer)
        x.requireShape(of: inner)
        withExtendedLifetime((outer, x, reciprocals, inner, self)) {
            ck_rms_norm_backward(
                x.base, x.rowStride, reciprocals.base, gamma.base, outer.base, outer.rowStride, inner.base,
                inner.rowStride, x.rowCount, x.columnCount, adding ? 1 : 0)
        }
    }
}
