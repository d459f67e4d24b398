//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// The gate of a SwiGLU block, silu(gate)·up with silu(v) = v/(1 + exp(-v)).
///
/// Shazeer, arXiv:2002.05202.
package enum SiLUGate {
    /// Writes silu(gate)·up to `y`, which may be one of them.
    package static func apply(gate: Matrix, up: Matrix, into y: Matrix) {
        gate.requireShape(of: up)
        gate.requireShape(of: y)
        withExtendedLifetime((gate, up, y)) {
            ck_silu_gate(
                gate.base, gate.rowStride, up.base, up.rowStride, y.base, y.rowStride, gate.rowCount, gate.columnCount)
        }
    }

    /// Turns the gradient of y into that of `gate`, in place, and writes that of `up` to `upGradient`.
    package static func backward(_ gradient: Matrix, gate: Matrix, up: Matrix, upGradient: Matrix) {
        gate.requireShape(of: up)
        gate.requireShape(of: gradient)
        gate.requireShape(of: upGradient)
        withExtendedLifetime((gradient, gate, up, upGradient)) {
            ck_silu_gate_backward(
                gate.base, gate.rowStride, up.base, up.rowStride, gradient.base, gradient.rowStride, gradient.base,
                gradient.rowStride, upGradient.base, upGradient.rowStride, gate.rowCount, gate.columnCount)
        }
    }
}
