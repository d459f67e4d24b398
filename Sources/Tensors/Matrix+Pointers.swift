//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

// The one way from a matrix to its memory, for the modules that call kernels. No pointer outlives its closure.
extension Matrix {
    /// Calls `body` with the floats of one row.
    package func withRow<Result>(_ row: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
        precondition(row >= 0 && row < rowCount, "row \(row) of a matrix with \(rowCount)")
        return try withExtendedLifetime(storage) {
            try body(UnsafeBufferPointer(start: base + row * rowStride, count: columnCount))
        }
    }

    /// Calls `body` with the floats of one row, to be written.
    package func withMutableRow<Result>(
        _ row: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
    ) rethrows -> Result {
        precondition(row >= 0 && row < rowCount, "row \(row) of a matrix with \(rowCount)")
        return try withExtendedLifetime(storage) {
            try body(UnsafeMutableBufferPointer(start: base + row * rowStride, count: columnCount))
        }
    }
}
