//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels

// Products with frozen weights at `MatmulPrecision.high`. What the bits of an element are is said in
// `CKernels/include/split_product.h`; they depend neither on how many other rows there are, nor on the processor.

/// Weights as products of split floats read them, [rows, columns]: floats, or bfloat16s where a file has them.
///
/// `@unchecked Sendable`: what the operand points to is not written any more.
package struct SplitWeight: @unchecked Sendable {
    package let rowCount: Int
    package let columnCount: Int
    fileprivate let operand: ck_split_weights
    /// What the operand points into.
    private let owners: [any Sendable]

    package init(_ matrix: Matrix) {
        rowCount = matrix.rowCount
        columnCount = matrix.columnCount
        operand = ck_split_weights(
            values: matrix.base, row: matrix.rowStride, are_bfloat16: 0, left: nil, right: nil)
        owners = [matrix]
    }

    init(bfloat16 values: UnsafeRawPointer, rows: Int, columns: Int, owner: any Sendable) {
        rowCount = rows
        columnCount = columns
        operand = ck_split_weights(values: values, row: columns, are_bfloat16: 1, left: nil, right: nil)
        owners = [owner]
    }

    private init(_ other: SplitWeight, _ operand: ck_split_weights, owners: [any Sendable]) {
        rowCount = other.rowCount
        columnCount = other.columnCount
        self.operand = operand
        self.owners = other.owners + owners
    }

    /// The same weight, laid out once and for all instead of in each product, for either direction.
    ///
    /// The bits are the same. Each direction takes as much memory as the weight.
    package func kept() -> SplitWeight {
        func room(_ rows: Int, _ columns: Int) -> FloatStorage {
            // A tile is a whole number of floats.
            FloatStorage(
                count: ck_split_kept_bytes(rows, columns, self.operand.are_bfloat16) / MemoryLayout<Float>.stride)
        }
        let (left, right) = (room(rowCount, columnCount), room(columnCount, rowCount))
        var operand = self.operand
        withExtendedLifetime((self, left, right)) {
            ck_split_keep_left(operand, rowCount, columnCount, left.base)
            ck_split_keep_right(operand, rowCount, columnCount, right.base)
        }
        operand.left = UnsafeRawPointer(left.base)
        operand.right = UnsafeRawPointer(right.base)
        return SplitWeight(self, operand, owners: [left, right])
    }

    /// Depth after which a sum is added to the result: blocks of weights begin at multiples of it.
    package static var depthBlock: Int { Int(CK_SPLIT_DEPTH) }
}

extension FrozenTensor {
    /// The tensor for products of split floats, where it can be read as it lies; else nil: it has to be widened.
    /// - Precondition: The tensor has two dimensions.
    package var splitWeight: SplitWeight? {
        precondition(shape.count == 2, "tensor \(name) of shape \(shape) in a product")
        let start = file.base + byteRange.lowerBound
        if dtype == .bfloat16, Int(bitPattern: start) % 2 == 0 {
            return SplitWeight(bfloat16: start, rows: shape[0], columns: shape[1], owner: file)
        }
        return inPlace.map { SplitWeight($0) }
    }
}

/// Rows laid out for products with split weights, [rowCount, depth].
struct SplitRows: Sendable {
    let storage: Matrix

    enum Side {
        /// Rows become rows of the result, of products by weights.
        case left
        /// Rows become columns of the transposed result, of products by transposed weights.
        case right
    }

    init(_ rows: Matrix, as side: Side, in workspace: Workspace) {
        storage = workspace.matrix(rows: 1, columns: ck_split_count(rows.rowCount, rows.columnCount))
        withExtendedLifetime((rows, storage)) {
            switch side {
            case .left: ck_split_left(rows.base, rows.rowStride, rows.rowCount, rows.columnCount, storage.base)
            case .right: ck_split_right(rows.base, rows.rowStride, rows.rowCount, rows.columnCount, storage.base)
            }
        }
    }
}

extension Matrix {
    /// Becomes bias + x·weightᵀ, or has x·weightᵀ added.
    /// - Parameters:
    ///   - x: [rows, inputs], laid out for this precision.
    ///   - weight: [columns, inputs].
    ///   - bias: [1, columns], unless it is added to what is there; nil: zero.
    package func setSplitProduct(
        _ x: PackedRows, transposed weight: SplitWeight, bias: Matrix? = nil, adding: Bool = false
    ) {
        precondition(bias == nil || !adding, "a bias for what is there already")
        if let bias {
            requireVector(bias)
        }
        guard let split = x.split else {
            preconditionFailure("rows that were laid out for floats only, in a product of split floats")
        }
        precondition(
            x.rowCount == rowCount && weight.rowCount == columnCount && weight.columnCount == x.depth,
            "a product [\(x.rowCount), \(x.depth)] x [\(weight.rowCount), \(weight.columnCount)]ᵀ into "
                + "[\(rowCount), \(columnCount)]")
        withExtendedLifetime((self, split, weight, bias)) {
            ck_split_product_transposed(
                split.storage.base, weight.operand, bias?.base, x.depth, rowCount, columnCount, base, rowStride,
                adding ? 1 : 0)
        }
    }

    /// Becomes a·weight, or has it added.
    /// - Parameters:
    ///   - a: [rows, depth].
    ///   - weight: [depth, columns].
    package func setSplitProduct(
        _ a: Matrix, _ weight: SplitWeight, adding: Bool = false, in workspace: Workspace
    ) {
        precondition(
            a.rowCount == rowCount && a.columnCount == weight.rowCount && weight.columnCount == columnCount,
            "a product [\(a.rowCount), \(a.columnCount)] x [\(weight.rowCount), \(weight.columnCount)] into "
                + "[\(rowCount), \(columnCount)]")
        workspace.scope {
            let split = SplitRows(a, as: .left, in: workspace)
            withExtendedLifetime((self, split, weight)) {
                ck_split_product(
                    split.storage.base, weight.operand, a.columnCount, rowCount, columnCount, base, rowStride,
                    adding ? 1 : 0)
            }
        }
    }
}
