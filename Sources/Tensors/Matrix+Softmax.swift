//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

extension Matrix {
    /// Replaces every row by softmax(scale·row).
    /// - Precondition: scale > 0.
    package func applySoftmax(scale: Float = 1) {
        precondition(scale > 0, "a softmax with scale \(scale)")
        withExtendedLifetime(self) {
            ck_scaled_softmax(base, rowStride, scale, rowCount, columnCount)
        }
    }

    /// Turns the gradient of `probabilities` = softmax(scale·scores), which this matrix is, into that of the scores.
    package func applySoftmaxBackward(probabilities: Matrix, scale: Float = 1) {
        requireShape(of: probabilities)
        withExtendedLifetime((self, probabilities)) {
            ck_scaled_softmax_backward(
                probabilities.base, probabilities.rowStride, scale, base, rowStride, rowCount, columnCount)
        }
    }
}
