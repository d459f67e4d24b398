//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

extension FrozenTensor {
    /// Writes row `ids[i]` to row i of `rows`, or adds it.
    ///
    /// An embedding table is read at a few rows only: halves are widened row by row, not as a whole.
    /// - Precondition: The tensor is [rows, rows.columnCount], and each id is one of its rows.
    package func gatherRows(_ ids: [Int32], into rows: Matrix, adding: Bool, workspace: Workspace) {
        if dtype == .float32 {
            rows.gatherRows(ids, of: matrix(in: workspace), adding: adding)
            return
        }
        precondition(
            shape.count == 2 && shape[1] == rows.columnCount && ids.count == rows.rowCount,
            "\(ids.count) rows of \(shape) into [\(rows.rowCount), \(rows.columnCount)]")
        workspace.scope {
            let wide = workspace.matrix(rows: 1, columns: rows.columnCount)
            for (place, id) in ids.enumerated() {
                widenRow(Int(id), into: wide)
                let row = rows.rows(place..<place + 1)
                if adding {
                    row.add(wide)
                } else {
                    row.copy(from: wide)
                }
            }
        }
    }

    /// Bytes from which on a table's pages are let go of.
    static let largeTable = 64 << 20

    /// Lets go of a large table's pages after a few of its rows were read.
    ///
    /// Each brought its neighbours, and after some batches the whole table would be resident. They are in the system's
    /// cache for the next batch.
    package func letGo() {
        if byteRange.count >= Self.largeTable {
            file.letGo(of: byteRange)
        }
    }

    private func widenRow(_ row: Int, into wide: Matrix) {
        precondition(row >= 0 && row < shape[0], "row \(row) of tensor \(name) with \(shape[0])")
        let byteCount = wide.columnCount * dtype.bitCount / 8
        let start = byteRange.lowerBound + row * byteCount
        file.withBytes(in: start..<start + byteCount) { bytes in
            switch dtype {
            case .float16: ck_widen_f16(bytes.baseAddress, wide.columnCount, wide.base)
            case .bfloat16: ck_widen_bf16(bytes.baseAddress, wide.columnCount, wide.base)
            case .float32:
                // At an address that no float can be read at.
                UnsafeMutableRawBufferPointer(start: wide.base, count: bytes.count).copyMemory(from: bytes)
            default: preconditionFailure("tensor \(name) of \(dtype.rawValue) is no weight")
            }
        }
    }

    /// Some rows of the tensor as floats: a view of the file, or a copy in `workspace` that lives as long as its scope.
    /// - Precondition: The tensor has two dimensions.
    package func rows(_ range: Range<Int>, in workspace: Workspace) -> Matrix {
        if isInPlace {
            return matrix(in: workspace).rows(range)
        }
        precondition(
            shape.count == 2 && range.lowerBound >= 0 && range.upperBound <= shape[0],
            "rows \(range) of tensor \(name) of shape \(shape)")
        let result = workspace.spreadMatrix(rows: range.count, columns: shape[1])
        for (place, row) in range.enumerated() {
            widenRow(row, into: result.rows(place..<place + 1))
        }
        return result
    }
}
