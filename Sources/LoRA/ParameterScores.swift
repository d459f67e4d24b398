//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
package import Transformer

/// Scores that the LoRA's parameters give, and how scores become integers.
package enum ParameterScores {
    /// ‖s·B·A‖ (Frobenius) by the projection's index; 0 without a LoRA.
    ///
    /// ‖BA‖² = tr((BᵀB)(AAᵀ)), so that no matrix larger than r×r is made.
    package static func weightNorms(of branches: [LowRankBranch?]) -> [Double] {
        branches.map { branch in
            guard let branch else { return 0 }
            let inner = outerProducts(rows: branch.up.columnCount, of: branch.up, alongColumns: true)
            let outer = outerProducts(rows: branch.down.rowCount, of: branch.down, alongColumns: false)
            let square = zip(inner, outer).reduce(0) { $0 + $1.0 * $1.1 }
            return Double(branch.scale.magnitude) * max(square, 0).squareRoot()
        }
    }

    /// Σ |θ·∂L/∂θ| over the elements of A and B, by the projection's index; 0 without a LoRA.
    ///
    /// At the start of a training B is zero and so is the saliency of A; it says something after a probe.
    /// - Parameters:
    ///   - values: The parameter vector.
    ///   - gradients: The gradient of the loss over the whole sample, reduced.
    package static func saliencies(_ layout: ParameterLayout, values: [Float], gradients: [Float]) -> [Double] {
        precondition(
            values.count == layout.count && gradients.count == layout.count,
            "\(values.count) values and \(gradients.count) gradients for \(layout.count) parameters")
        return layout.places.map { place in
            guard let place else { return 0 }
            var sum = 0.0
            for tensor in [place.down, place.up] {
                for index in layout.tensors[tensor].range {
                    sum += (Double(values[index]) * Double(gradients[index])).magnitude
                }
            }
            return sum
        }
    }

    /// Scores as integers with the ratios of the scores, the largest between 2^52 and 2^53: what a decision compares.
    /// - Throws: `LoRAError` with code `badImportance` where a score is negative or not finite.
    package static func integers(of scores: [Double]) throws(LoRAError) -> [Int64] {
        for (projection, score) in scores.enumerated() where !(score >= 0 && score.isFinite) {
            throw LoRAError(
                .badImportance, "the score of projection \(projection) is \(score), expected a number from 0 on")
        }
        guard let largest = scores.max(), largest > 0 else { return scores.map { _ in 0 } }
        // score · 2^shift; the power alone may be beyond what a double holds.
        let shift = 52 - largest.exponent
        return scores.map { Int64(Double(sign: .plus, exponent: shift, significand: $0).rounded(.toNearestOrEven)) }
    }

    /// MᵀM of the columns, or MMᵀ of the rows, of `matrix`.
    private static func outerProducts(rows size: Int, of matrix: Matrix, alongColumns: Bool) -> [Double] {
        let elements = matrix.values
        let length = alongColumns ? matrix.rowCount : matrix.columnCount
        let (step, stride) = alongColumns ? (matrix.columnCount, 1) : (1, matrix.columnCount)
        var products = [Double](repeating: 0, count: size * size)
        for i in 0..<size {
            for j in 0..<size {
                var sum = 0.0
                for k in 0..<length {
                    sum += Double(elements[k * step + i * stride]) * Double(elements[k * step + j * stride])
                }
                products[i * size + j] = sum
            }
        }
        return products
    }
}
