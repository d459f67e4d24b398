//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// The function between the two projections of a feed-forward block, under Hugging Face's names.
package enum Activation: String, Sendable, Hashable, CaseIterable {
    /// v·Φ(v), Φ the normal distribution. Hendrycks and Gimpel, arXiv:1606.08415.
    case gelu
    /// Its approximation by tanh: v/2·(1 + tanh(√(2/π)·(v + 0.044715·v³))).
    case geluNew = "gelu_new"
    /// The same function under PyTorch's name.
    case geluTanh = "gelu_pytorch_tanh"
    /// max(v, 0).
    case relu

    /// Replaces `x` by f(x + bias) and, if asked, writes the slope f'(x + bias), which is all that backward needs:
    /// the gradient of the input is that of the output times the slope, element by element.
    /// - Parameters:
    ///   - x: [rows, columns].
    ///   - bias: [1, columns].
    ///   - slope: [rows, columns].
    package func apply(to x: Matrix, bias: Matrix, slope: Matrix?) {
        x.requireVector(bias)
        if let slope {
            x.requireShape(of: slope)
        }
        let kernel =
            switch self {
            case .gelu: ck_bias_gelu
            case .geluNew, .geluTanh: ck_bias_gelu_tanh
            case .relu: ck_bias_relu
            }
        withExtendedLifetime((x, bias, slope)) {
            kernel(
                x.base, x.rowStride, bias.base, slope?.base, slope?.rowStride ?? 0, x.rowCount, x.columnCount)
        }
    }
}

extension Matrix {
    /// Replaces every element by tanh(element + bias), bias [1, columnCount].
    package func applyTanh(bias: Matrix) {
        requireVector(bias)
        withExtendedLifetime((self, bias)) {
            ck_bias_tanh(base, rowStride, bias.base, rowCount, columnCount)
        }
    }

    /// Turns the gradient of `y` = tanh(x), which this matrix is, into that of x.
    package func applyTanhBackward(y: Matrix) {
        requireShape(of: y)
        withExtendedLifetime((self, y)) {
            ck_tanh_backward(y.base, y.rowStride, base, rowStride, rowCount, columnCount)
        }
    }
}
