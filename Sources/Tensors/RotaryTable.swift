//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels
import Foundation

/// The turns of rotary position embeddings: cosine and sine of every pair of columns at every position.
///
/// Su et al., arXiv:2104.09864, in the layout of transformers: a head's column j is paired with j + headSize/2.
package struct RotaryTable: Sendable {
    /// [positions, headSize/2].
    package let cosines: Matrix
    /// [positions, headSize/2].
    package let sines: Matrix
    /// The position of the tables' first row.
    package let firstPosition: Int

    /// The turns at `positions`.
    ///
    /// Angles are products of 32-bit floats, as in transformers; their cosines are rounded once from 64-bit ones.
    /// - Parameters:
    ///   - inverseFrequencies: Radians a position, one a pair of columns.
    ///   - factor: What cosines and sines are multiplied with.
    package init(positions: Range<Int>, inverseFrequencies: [Float], factor: Float) {
        let half = inverseFrequencies.count
        cosines = Matrix(rows: positions.count, columns: half)
        sines = Matrix(rows: positions.count, columns: half)
        firstPosition = positions.lowerBound
        for (row, position) in positions.enumerated() {
            for (column, frequency) in inverseFrequencies.enumerated() {
                let angle = Double(Float(position) * frequency)
                cosines[row, column] = Float(cos(angle)) * factor
                sines[row, column] = Float(sin(angle)) * factor
            }
        }
    }

    package enum Direction: Float, Sendable {
        case forward = 1
        /// The turn back: the gradient of the turn.
        case backward = -1
    }

    /// Turns every head of every row in place.
    /// - Parameters:
    ///   - x: [rows, heads · headSize], consecutive positions.
    ///   - firstPosition: That of the first row.
    package func turn(_ x: Matrix, firstPosition first: Int, _ direction: Direction = .forward) {
        let headSize = 2 * cosines.columnCount
        let row = first - firstPosition
        precondition(
            x.columnCount % headSize == 0 && row >= 0 && row + x.rowCount <= cosines.rowCount,
            "positions \(first)..<\(first + x.rowCount) of rows of \(x.columnCount) in a table of \(cosines.rowCount) "
                + "positions from \(firstPosition) for heads of \(headSize)")
        withExtendedLifetime((self, x)) {
            ck_rotate(
                x.base, x.rowStride, cosines.base, sines.base, row, direction.rawValue, x.rowCount,
                x.columnCount / headSize, headSize)
        }
    }
}
