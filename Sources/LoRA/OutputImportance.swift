//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors
package import Transformer

/// The importance of every LoRA on the tokens seen so far: g = Σ ‖ΔW·x‖², ΔW = s·B·A.
///
/// With z = A·x at hand ‖ΔW·x‖² is s²·zᵀ(BᵀB)z, and BᵀB is made once: r² multiply-adds a token instead of r·out. All
/// sums are 64-bit floats in the order of the tokens.
///
/// Source: Zhou et al., arXiv:2402.07721 (the squared norm of the LoRA's output, summed over the sample).
package struct OutputImportance: Sendable {
    /// s²·BᵀB by the projection's index, row by row.
    private let grams: [[Double]?]
    /// g by the projection's index; 0 without a LoRA.
    package private(set) var sums: [Double]

    /// Nothing seen yet.
    package init(branches: [LowRankBranch?]) {
        grams = branches.map { $0.map(Self.gram) }
        sums = [Double](repeating: 0, count: branches.count)
    }

    /// Adds what a projection's LoRA gives for some tokens.
    /// - Parameter lowRank: A·x, [tokens, adapterRank], without the scale.
    package mutating func add(projection: Int, lowRank: Matrix) {
        guard let gram = grams[projection] else {
            preconditionFailure("projection \(projection) has no LoRA to measure")
        }
        let size = lowRank.columnCount
        precondition(gram.count == size * size, "A·x with \(size) columns for a Gram matrix of \(gram.count) elements")
        let elements = lowRank.values
        var sum = 0.0
        for token in 0..<lowRank.rowCount {
            let start = token * size
            for i in 0..<size {
                var product = 0.0
                for j in 0..<size {
                    product += gram[i * size + j] * Double(elements[start + j])
                }
                sum += product * Double(elements[start + i])
            }
        }
        // Rounding may leave a tiny negative number where the output is all but zero.
        sums[projection] += max(sum, 0)
    }

    private static func gram(of branch: LowRankBranch) -> [Double] {
        let (rows, size) = (branch.up.rowCount, branch.up.columnCount)
        let up = branch.up.values
        let square = Double(branch.scale) * Double(branch.scale)
        var gram = [Double](repeating: 0, count: size * size)
        for row in 0..<rows {
            for i in 0..<size {
                for j in 0..<size {
                    gram[i * size + j] += Double(up[row * size + i]) * Double(up[row * size + j])
                }
            }
        }
        return gram.map { $0 * square }
    }
}
