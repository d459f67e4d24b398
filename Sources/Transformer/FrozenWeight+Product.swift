//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

extension Matrix {
    /// Becomes bias + x·weightᵀ + z·upᵀ, as the product by a matrix does, to the bit.
    ///
    /// A weight of halves is widened a few rows at a time: neither memory nor cache holds all of it as floats.
    /// - Parameters:
    ///   - x: [rows, inputs], laid out for this precision.
    ///   - weight: [columns, inputs].
    func setProduct(
        _ x: PackedRows, transposed weight: any FrozenWeight, bias: Matrix? = nil,
        plus lowRank: (z: PackedRows, up: Matrix)? = nil, at precision: MatmulPrecision, in workspace: Workspace
    ) {
        switch precision {
        case .highest:
            weight.forEachBlock(
                rows: columnCount, size: weight.isInPlace ? columnCount : cacheRows(x.depth), in: workspace
            ) { range, block in
                columns(range).setProduct(
                    x, transposed: block, bias: bias?.columns(range),
                    plus: lowRank.map { (z: $0.z, up: $0.up.rows(range)) })
            }
        case .high:
            // The branch's product is small and stays one of floats, which the frozen one is added to.
            if let lowRank {
                setProduct(lowRank.z, transposed: lowRank.up, bias: bias)
            }
            let rest = lowRank == nil ? bias : nil
            if let split = weight.splitWeight {
                setSplitProduct(x, transposed: split, bias: rest, adding: lowRank != nil)
            } else {
                weight.forEachBlock(rows: columnCount, size: cacheRows(x.depth), in: workspace) { range, block in
                    columns(range).setSplitProduct(
                        x, transposed: SplitWeight(block), bias: rest?.columns(range), adding: lowRank != nil)
                }
            }
        }
    }

    /// Becomes a·weight, or has it added.
    /// - Parameters:
    ///   - a: [rows, depth].
    ///   - weight: [depth, columns].
    func setProduct(
        _ a: Matrix, _ weight: any FrozenWeight, adding: Bool = false, at precision: MatmulPrecision,
        in workspace: Workspace
    ) {
        switch precision {
        case .highest:
            let depth = a.columnCount
            weight.forEachBlock(
                rows: depth, size: weight.isInPlace ? depth : cacheRows(columnCount), in: workspace
            ) { range, block in
                // One chain of multiply-adds along the depth, whether or not a block ends in between.
                setProduct(a.columns(range), block, adding: adding || range.lowerBound > 0)
            }
        case .high:
            if let split = weight.splitWeight {
                setSplitProduct(a, split, adding: adding, in: workspace)
            } else {
                // A block ends where a sum does, so these are the bits of the product by the whole.
                weight.forEachBlock(rows: a.columnCount, size: SplitWeight.depthBlock, in: workspace) { range, block in
                    setSplitProduct(
                        a.columns(range), SplitWeight(block), adding: adding || range.lowerBound > 0, in: workspace)
                }
            }
        }
    }
}

/// Rows of so many columns that stay in a second-level cache.
private func cacheRows(_ columns: Int) -> Int { max(8, (1 << 17) / columns & ~7) }

extension FrozenWeight {
    /// Hands out all rows in order as floats, `size` at a time.
    fileprivate func forEachBlock(
        rows: Int, size: Int, in workspace: Workspace, _ body: (Range<Int>, Matrix) -> Void
    ) {
        for start in stride(from: 0, to: rows, by: max(size, 1)) {
            let range = start..<min(start + size, rows)
            workspace.scope { body(range, self.rows(range, in: workspace)) }
        }
    }
}
