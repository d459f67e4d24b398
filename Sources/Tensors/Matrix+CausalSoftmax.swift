//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

extension Matrix {
    /// Replaces every row by softmax(scale·row) over the keys that it reads, and by 0 elsewhere.
    ///
    /// Row i is the query at position `first + i`, column j the key at position j. A query reads itself and what is
    /// before it, `window` keys at most.
    /// - Parameter window: nil: all keys before it.
    package func applyCausalSoftmax(scale: Float, first: Int, window: Int?) {
        precondition(scale > 0, "a softmax with the scale \(scale)")
        requireKeys(first: first, window: window)
        withExtendedLifetime(self) {
            ck_causal_softmax(base, rowStride, scale, first, window ?? .max, rowCount, columnCount)
        }
    }

    /// Turns the gradient of `probabilities`, which `applyCausalSoftmax` with the same arguments made and this matrix
    /// is, into that of the scores.
    package func applyCausalSoftmaxBackward(probabilities: Matrix, scale: Float, first: Int, window: Int?) {
        requireShape(of: probabilities)
        requireKeys(first: first, window: window)
        withExtendedLifetime((self, probabilities)) {
            ck_causal_softmax_backward(
                probabilities.base, probabilities.rowStride, scale, base, rowStride, first, window ?? .max, rowCount,
                columnCount)
        }
    }

    private func requireKeys(first: Int, window: Int?) {
        precondition(
            first >= 0 && first + rowCount <= columnCount && window ?? 1 > 0,
            "queries at \(first)..<\(first + rowCount) with a window of \(window ?? .max) on \(columnCount) keys")
    }
}
