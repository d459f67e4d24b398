//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

// Products whose bits depend on the operands alone: every element is one chain of fused multiply-adds, depth by depth
// in order (`CKernels/include/product.h`). A row's bits do not depend on how many other rows there are, nor on the
// width of the processor's vectors.

/// Rows laid out for products with weights, [rowCount, depth]: the layout costs once what several products share.
package struct PackedRows: Sendable {
    package let rowCount: Int
    package let depth: Int
    /// For products of floats.
    private let floats: Matrix?
    /// For products of split floats.
    let split: SplitRows?

    /// Lays out `rows`; the workspace holds the copy.
    /// - Parameters:
    ///   - precision: That of the products with frozen weights.
    ///   - forTrained: Whether products with trained weights read them too; those are always of floats.
    package init(
        _ rows: Matrix, for precision: MatmulPrecision = .highest, forTrained: Bool = true, in workspace: Workspace
    ) {
        rowCount = rows.rowCount
        depth = rows.columnCount
        split = precision == .high ? SplitRows(rows, as: .right, in: workspace) : nil
        guard precision == .highest || forTrained else {
            floats = nil
            return
        }
        let floats = workspace.matrix(rows: 1, columns: ck_packed_count(rows.rowCount, rows.columnCount))
        withExtendedLifetime((rows, floats)) {
            ck_pack_rows(rows.base, rows.rowStride, rows.rowCount, rows.columnCount, floats.base)
        }
        self.floats = floats
    }

    var storage: Matrix {
        guard let floats else {
            preconditionFailure("rows that were laid out for split floats only, in a product of floats")
        }
        return floats
    }
}

extension Matrix {
    /// Becomes bias + x·weightᵀ, and behind it in the same chain + z·upᵀ.
    /// - Parameters:
    ///   - x: [rows, inputs].
    ///   - weight: [columns, inputs].
    ///   - bias: [1, columns], what the chain starts from; nil: zero.
    ///   - lowRank: z, [rows, adapterRank], and `up`, [columns, adapterRank].
    package func setProduct(
        _ x: PackedRows, transposed weight: Matrix, bias: Matrix? = nil,
        plus lowRank: (z: PackedRows, up: Matrix)? = nil
    ) {
        precondition(
            x.rowCount == rowCount && weight.rowCount == columnCount && weight.columnCount == x.depth,
            "a product [\(x.rowCount), \(x.depth)] x [\(weight.rowCount), \(weight.columnCount)]ᵀ into "
                + "[\(rowCount), \(columnCount)]")
        if let bias {
            requireVector(bias)
        }
        if let lowRank {
            precondition(
                lowRank.z.rowCount == rowCount && lowRank.up.rowCount == columnCount
                    && lowRank.up.columnCount == lowRank.z.depth,
                "a product [\(lowRank.z.rowCount), \(lowRank.z.depth)] x [\(lowRank.up.rowCount), "
                    + "\(lowRank.up.columnCount)]ᵀ into [\(rowCount), \(columnCount)]")
        }
        withExtendedLifetime((self, x, weight, bias, lowRank)) {
            let frozen = ck_packed_term(
                packed: x.storage.base, weights: weight.base, weight_row: weight.rowStride, depth: x.depth)
            let branch = lowRank.map {
                ck_packed_term(
                    packed: $0.z.storage.base, weights: $0.up.base, weight_row: $0.up.rowStride, depth: $0.z.depth)
            }
            ck_product_packed(frozen, branch ?? ck_packed_term(), bias?.base, rowCount, columnCount, base, rowStride)
        }
    }

    /// Becomes a·b, or has it added.
    /// - Parameters:
    ///   - a: [rows, depth].
    ///   - b: [depth, columns].
    package func setProduct(_ a: Matrix, _ b: Matrix, adding: Bool = false) {
        precondition(
            a.rowCount == rowCount && a.columnCount == b.rowCount && b.columnCount == columnCount,
            "a product [\(a.rowCount), \(a.columnCount)] x [\(b.rowCount), \(b.columnCount)] into "
                + "[\(rowCount), \(columnCount)]")
        withExtendedLifetime((self, a, b)) {
            ck_product(
                a.base, a.rowStride, 1, b.base, b.rowStride, a.columnCount, rowCount, columnCount, base, rowStride, 0,
                adding ? 1 : 0)
        }
    }

    /// Becomes aᵀ·b, a sum over the rows of both in their order, or has it added.
    /// - Parameters:
    ///   - a: [depth, rows].
    ///   - b: [depth, columns].
    package func setProduct(transposed a: Matrix, _ b: Matrix, adding: Bool = false) {
        precondition(
            a.columnCount == rowCount && a.rowCount == b.rowCount && b.columnCount == columnCount,
            "a product [\(a.rowCount), \(a.columnCount)]ᵀ x [\(b.rowCount), \(b.columnCount)] into "
                + "[\(rowCount), \(columnCount)]")
        withExtendedLifetime((self, a, b)) {
            // Vectors run along the wider factor.
            if rowCount <= columnCount {
                ck_product(
                    a.base, 1, a.rowStride, b.base, b.rowStride, a.rowCount, rowCount, columnCount, base, rowStride, 0,
                    adding ? 1 : 0)
            } else {
                ck_product(
                    b.base, 1, b.rowStride, a.base, a.rowStride, a.rowCount, columnCount, rowCount, base, rowStride, 1,
                    adding ? 1 : 0)
            }
        }
    }
}

/// Which instructions products are computed with.
package enum ProductKernels {
    /// Whether a step is a multiply-add with one rounding: AVX2 and AVX-512 give the same bits, and no others do.
    package static var areFused: Bool {
        #if arch(x86_64)
            ck_product_level() >= 3
        #else
            true
        #endif
    }

    /// For people.
    package static var description: String {
        switch ck_product_level() {
        case 4: "AVX-512"
        case 3: "AVX2"
        default: "the processor's basic instructions"
        }
    }

    /// Runs `body` with the instructions of at most a level of x86-64 (3: AVX2, 4: AVX-512), on this thread: for tests.
    package static func withLevel<Result>(atMost level: Int, _ body: () throws -> Result) rethrows -> Result {
        ck_limit_product_level(Int32(level))
        defer { ck_limit_product_level(4) }
        return try body()
    }
}
