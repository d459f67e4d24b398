//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

extension Matrix {
    /// Becomes bias + x·weightᵀ, and behind it + z·upᵀ, as the product by a matrix does, to the bit.
    ///
    /// A weight of halves is widened a few rows at a time: neither memory nor cache holds all of it as floats.
    /// - Parameters:
    ///   - x: [rows, inputs].
    ///   - weight: [columns, inputs].
    func setProduct(
        _ x: PackedRows, transposed weight: any FrozenWeight, bias: Matrix? = nil,
        plus lowRank: (z: PackedRows, up: Matrix)? = nil, in workspace: Workspace
    ) {
        weight.forEachBlock(rows: columnCount, columns: x.depth, in: workspace) { range, block in
            columns(range).setProduct(
                x, transposed: block, bias: bias?.columns(range),
                plus: lowRank.map { (z: $0.z, up: $0.up.rows(range)) })
        }
    }

    /// Becomes a·weight, or has it added.
    /// - Parameters:
    ///   - a: [rows, depth].
    ///   - weight: [depth, columns].
    func setProduct(_ a: Matrix, _ weight: any FrozenWeight, adding: Bool = false, in workspace: Workspace) {
        weight.forEachBlock(rows: a.columnCount, columns: columnCount, in: workspace) { range, block in
            // One chain of multiply-adds along the depth, whether or not a block ends in between.
            setProduct(a.columns(range), block, adding: adding || range.lowerBound > 0)
        }
    }
}

extension FrozenWeight {
    /// Hands out all rows in order, a block that stays in a second-level cache at a time, or all where they lie.
    fileprivate func forEachBlock(
        rows: Int, columns: Int, in workspace: Workspace, _ body: (Range<Int>, Matrix) -> Void
    ) {
        let size = isInPlace ? rows : max(8, (1 << 17) / columns & ~7)
        for start in stride(from: 0, to: rows, by: max(size, 1)) {
            let range = start..<min(start + size, rows)
            workspace.scope { body(range, self.rows(range, in: workspace)) }
        }
    }
}
