//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

/// AdamW as PyTorch computes it: weight decay apart from the gradient, both moments corrected for their start at
/// zero, epsilon outside the root.
///
/// Source: Loshchilov and Hutter, arXiv:1711.05101, algorithm 2; torch.optim.AdamW.
package struct AdamW: Sendable, Hashable {
    /// Decay of the first moment, β₁.
    package var firstDecay: Double
    /// Decay of the second moment, β₂.
    package var secondDecay: Double
    /// Added to the root of the second moment.
    package var epsilon: Double

    package init(firstDecay: Double = 0.9, secondDecay: Double = 0.999, epsilon: Double = 1e-8) {
        self.firstDecay = firstDecay
        self.secondDecay = secondDecay
        self.epsilon = epsilon
    }

    /// One update of a range of parameters; all matrices have the same shape and no gaps.
    /// - Parameters:
    ///   - parameters: Updated in place.
    ///   - firstMoments: Zeros before the first step, updated in place.
    ///   - secondMoments: Likewise.
    ///   - gradients: Read only.
    ///   - gradientScale: Multiplies the gradients, as clipping asks for.
    ///   - learningRate: Of this step.
    ///   - weightDecay: Parameters are multiplied by 1 - learningRate·weightDecay.
    ///   - step: The number of this update, from 1 on.
    package func update(
        _ parameters: Matrix, firstMoments: Matrix, secondMoments: Matrix, gradients: Matrix,
        gradientScale: Float = 1, learningRate: Double, weightDecay: Double, step: Int
    ) {
        parameters.requireShape(of: firstMoments)
        parameters.requireShape(of: secondMoments)
        parameters.requireShape(of: gradients)
        precondition(
            parameters.isContiguous && firstMoments.isContiguous && secondMoments.isContiguous
                && gradients.isContiguous, "AdamW on a matrix with gaps")
        precondition(step > 0, "AdamW's step \(step)")
        let firstCorrection = 1 - Self.power(firstDecay, step)
        let secondCorrection = 1 - Self.power(secondDecay, step)
        let factors = ck_adamw_factors(
            gradient_scale: gradientScale, keep: Float(1 - learningRate * weightDecay), first: Float(firstDecay),
            first_rest: Float(1 - firstDecay), second: Float(secondDecay), second_rest: Float(1 - secondDecay),
            step_size: Float(learningRate / firstCorrection),
            root_correction: Float(1 / secondCorrection.squareRoot()), epsilon: Float(epsilon))
        withExtendedLifetime((parameters, firstMoments, secondMoments, gradients)) {
            ck_adamw(
                factors, parameters.base, firstMoments.base, secondMoments.base, gradients.base, parameters.count)
        }
    }

    /// base^exponent by squaring: the same bits everywhere, which the C library's `pow` does not promise.
    static func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        var factor = base
        var left = exponent
        while left > 0 {
            if left & 1 == 1 {
                result *= factor
            }
            factor *= factor
            left >>= 1
        }
        return result
    }
}
