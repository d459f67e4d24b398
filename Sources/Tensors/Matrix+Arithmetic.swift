//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

extension Matrix {
    /// Multiplies every element by `factor`; zero makes zeros of whatever was there.
    package func scale(by factor: Float) {
        if factor == 0 {
            fill(0)
            return
        }
        for row in 0..<rowCount {
            let start = base + row * rowStride
            for column in 0..<columnCount {
                start[column] *= factor
            }
        }
    }

    /// Adds `factor` times `other`, which has the same shape.
    package func add(_ other: Matrix, scaledBy factor: Float = 1) {
        requireShape(of: other)
        withExtendedLifetime((self, other)) {
            ck_add_scaled(other.base, other.rowStride, factor, base, rowStride, rowCount, columnCount)
        }
    }

    /// Multiplies by `other`, element by element.
    package func multiply(by other: Matrix) {
        requireShape(of: other)
        withExtendedLifetime((self, other)) {
            ck_multiply(other.base, other.rowStride, base, rowStride, rowCount, columnCount)
        }
    }

    /// Adds `bias`, [1, columnCount], to every row.
    package func addBias(_ bias: Matrix) {
        requireVector(bias)
        withExtendedLifetime((self, bias)) {
            ck_add_bias(base, rowStride, bias.base, rowCount, columnCount)
        }
    }

    /// Adds the sum of each column of `other` to this matrix, [1, other.columnCount]; the gradient of a bias.
    package func addColumnSums(of other: Matrix) {
        other.requireVector(self)
        withExtendedLifetime((self, other)) {
            ck_add_column_sums(other.base, other.rowStride, other.rowCount, other.columnCount, base)
        }
    }

    /// Σ x², in 64-bit floats and in an order that depends on the shape alone.
    package var sumOfSquares: Double {
        withExtendedLifetime(self) {
            if isContiguous {
                return ck_sum_of_squares(base, count)
            }
            var sum = 0.0
            for row in 0..<rowCount {
                sum += ck_sum_of_squares(base + row * rowStride, columnCount)
            }
            return sum
        }
    }

    /// Copies row `ids[i]` of `table` to row i, or adds it.
    /// - Precondition: As many ids as rows, each a row of the table.
    package func gatherRows(_ ids: [Int32], of table: Matrix, adding: Bool = false) {
        precondition(
            ids.count == rowCount && table.columnCount == columnCount,
            "\(ids.count) rows of [\(table.rowCount), \(table.columnCount)] into [\(rowCount), \(columnCount)]")
        for id in ids {
            precondition(id >= 0 && Int(id) < table.rowCount, "row \(id) of a table of \(table.rowCount)")
        }
        withExtendedLifetime((self, table)) {
            ids.withUnsafeBufferPointer { ids in
                ck_gather_rows(
                    table.base, table.rowStride, ids.baseAddress, base, rowStride, rowCount, columnCount,
                    adding ? 1 : 0)
            }
        }
    }

    func requireShape(of other: Matrix) {
        precondition(
            other.rowCount == rowCount && other.columnCount == columnCount,
            "[\(other.rowCount), \(other.columnCount)] with [\(rowCount), \(columnCount)]")
    }

    func requireVector(_ vector: Matrix) {
        precondition(
            vector.rowCount == 1 && vector.columnCount == columnCount,
            "a vector [\(vector.rowCount), \(vector.columnCount)] for rows of \(columnCount)")
    }
}
