//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

// The products of attention, one for each head. A head is a range of columns of queries, keys and values, and a range
// of rows of probabilities.

extension Workspace {
    /// [rows, columns], with the room behind its rows that products of heads by rows write to.
    package func headMatrix(rows: Int, columns: Int) -> Matrix {
        matrix(rows: rows, columns: ck_packed_count(columns, 1)).columns(0..<columns)
    }
}

extension Matrix {
    /// Becomes, head by head, a·bᵀ: [heads · rows, columns].
    ///
    /// - Parameters:
    ///   - a: [rows, heads · headSize].
    ///   - b: [columns, heads · headSize].
    /// - Precondition: This matrix is one that `Workspace.headMatrix` made.
    package func setHeadProducts(_ a: Matrix, transposed b: Matrix, heads: Int, in workspace: Workspace) {
        precondition(
            a.rowCount * heads == rowCount && a.columnCount == b.columnCount && a.columnCount % heads == 0
                && b.rowCount == columnCount && rowStride >= ck_packed_count(columnCount, 1),
            "products of \(heads) heads, [\(a.rowCount), \(a.columnCount)] x [\(b.rowCount), \(b.columnCount)]ᵀ, "
                + "into [\(rowCount), \(columnCount)] with row stride \(rowStride)")
        let headSize = a.columnCount / heads
        workspace.scope {
            let packed = workspace.matrix(rows: 1, columns: ck_packed_count(columnCount, headSize))
            withExtendedLifetime((self, a, b, packed)) {
                ck_product_heads_by_rows(
                    ck_heads(count: heads, a: headSize, b: headSize, c: a.rowCount * rowStride), a.base, a.rowStride,
                    b.base, b.rowStride, headSize, a.rowCount, columnCount, packed.base, base, rowStride)
            }
        }
    }

    /// Becomes, head by head, p·v: [rows, heads · headSize].
    /// - Parameters:
    ///   - p: [heads · rows, depth].
    ///   - v: [depth, heads · headSize].
    package func setHeadProducts(_ p: Matrix, _ v: Matrix, heads: Int) {
        precondition(
            p.rowCount == rowCount * heads && p.columnCount == v.rowCount && v.columnCount == columnCount
                && columnCount % heads == 0,
            "products of \(heads) heads, [\(p.rowCount), \(p.columnCount)] x [\(v.rowCount), \(v.columnCount)], into "
                + "[\(rowCount), \(columnCount)]")
        let headSize = columnCount / heads
        withExtendedLifetime((self, p, v)) {
            ck_product_heads(
                ck_heads(count: heads, a: rowCount * p.rowStride, b: headSize, c: headSize), p.base, p.rowStride, 1,
                v.base, v.rowStride, p.columnCount, rowCount, headSize, base, rowStride, 0)
        }
    }

    /// Becomes, head by head, pᵀ·v: [rows, heads · headSize].
    /// - Parameters:
    ///   - p: [heads · depth, rows].
    ///   - v: [depth, heads · headSize].
    package func setHeadProducts(transposed p: Matrix, _ v: Matrix, heads: Int) {
        precondition(
            p.rowCount == v.rowCount * heads && p.columnCount == rowCount && v.columnCount == columnCount
                && columnCount % heads == 0,
            "products of \(heads) heads, [\(p.rowCount), \(p.columnCount)]ᵀ x [\(v.rowCount), \(v.columnCount)], into "
                + "[\(rowCount), \(columnCount)]")
        let headSize = columnCount / heads
        let block = v.rowCount * p.rowStride
        withExtendedLifetime((self, p, v)) {
            // Vectors run along the wider factor.
            if rowCount <= headSize {
                ck_product_heads(
                    ck_heads(count: heads, a: block, b: headSize, c: headSize), p.base, 1, p.rowStride, v.base,
                    v.rowStride, v.rowCount, rowCount, headSize, base, rowStride, 0)
            } else {
                ck_product_heads(
                    ck_heads(count: heads, a: headSize, b: block, c: headSize), v.base, 1, v.rowStride, p.base,
                    p.rowStride, v.rowCount, headSize, rowCount, base, rowStride, 1)
            }
        }
    }
}
