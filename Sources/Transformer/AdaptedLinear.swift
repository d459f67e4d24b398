//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// What the layers of one pass share.
struct PassContext {
    let branches: [LowRankBranch?]
    let dropout: InputDropout?
    /// Told of each branch's z = A·x, [rows, adapterRank].
    let observe: ((Int, Matrix) -> Void)?
    /// Called after each layer, forward and backward: a pass through a large model takes minutes.
    var layerDone: (() -> Void)?
    /// Of the products with frozen weights.
    let precision: MatmulPrecision
    let workspace: Workspace
}

/// A frozen projection with the low-rank branch beside it, if there is one: y = x·Wᵀ + scale·(x̂·Aᵀ)·Bᵀ, where x̂ is x
/// after the branch's dropout.
///
/// The bias is added by what follows.
struct AdaptedLinear {
    let weight: any FrozenWeight
    /// [1, outputSize]; nil: none.
    let bias: Matrix?
    /// The projection's index.
    let index: Int
    let branch: LowRankBranch?

    /// What backward reads of the branch.
    struct Kept {
        /// x̂, [rows, inputSize].
        let input: Matrix
        /// s·z, z = x̂·Aᵀ, [rows, adapterRank].
        let reduced: Matrix
    }

    init(_ layer: FrozenLayer, _ role: ProjectionRole, of number: Int, context: PassContext) {
        weight = layer[role].weight
        bias = layer[role].bias
        index = number * ProjectionRole.allCases.count + role.rawValue
        branch = context.branches[index]
    }

    var isTrained: Bool { branch?.isTrained ?? false }

    /// Computes y; the workspace keeps what is returned.
    /// - Parameters:
    ///   - x: [rows, inputSize].
    ///   - addsBias: Whether the projection's bias is added; else whoever reads y adds it.
    func forward(_ x: PackedInput, addsBias: Bool, into y: Matrix, context: PassContext) -> Kept? {
        let workspace = context.workspace
        let kept = branch.map { branch in
            ComputeClock.count(.lowRank) { reduce(branch, x, context: context) }
        }
        ComputeClock.count(.projections) {
            workspace.scope {
                let low = kept.flatMap { kept in
                    branch.map { (z: PackedRows(kept.reduced, in: workspace), up: $0.up) }
                }
                y.setProduct(
                    x.packed, transposed: weight, bias: addsBias ? bias : nil, plus: low, at: context.precision,
                    in: workspace)
            }
        }
        return kept
    }

    /// The branch's way down: x̂ and s·z.
    private func reduce(_ branch: LowRankBranch, _ x: PackedInput, context: PassContext) -> Kept {
        let workspace = context.workspace
        let reduced = workspace.matrix(rows: x.matrix.rowCount, columns: branch.down.rowCount)
        var input = x.matrix
        if let mask = context.dropout?.mask(for: index) {
            input = workspace.matrix(rows: input.rowCount, columns: input.columnCount)
            mask.apply(x.matrix, rows: x.rows, into: input)
            workspace.scope {
                reduced.setProduct(PackedRows(input, in: workspace), transposed: branch.down)
            }
        } else {
            reduced.setProduct(x.packed, transposed: branch.down)
        }
        context.observe?(index, reduced)
        reduced.scale(by: branch.scale)
        return Kept(input: input, reduced: reduced)
    }

    /// Adds to the branch's gradients and, if asked, computes the gradient of x.
    /// - Parameters:
    ///   - outputGradient: That of y, [rows, outputSize].
    ///   - inputGradient: Where that of x goes, [rows, inputSize]; nil if nobody reads it.
    ///   - adding: Whether it is added to what is there.
    func backward(
        _ outputGradient: Matrix, kept: Kept?, rows: RowLayout, inputGradient: Matrix?, adding: Bool,
        context: PassContext
    ) {
        let workspace = context.workspace
        if let inputGradient {
            ComputeClock.count(.projections) {
                inputGradient.setProduct(
                    outputGradient, weight, adding: adding, at: context.precision, in: workspace)
            }
        }
        guard let branch, let kept else { return }
        ComputeClock.count(.lowRank) {
            backward(
                branch, outputGradient, kept: kept, rows: rows, inputGradient: inputGradient, context: context)
        }
    }

    private func backward(
        _ branch: LowRankBranch, _ outputGradient: Matrix, kept: Kept, rows: RowLayout, inputGradient: Matrix?,
        context: PassContext
    ) {
        let workspace = context.workspace
        branch.upGradient?.setProduct(transposed: outputGradient, kept.reduced, adding: true)
        guard inputGradient != nil || branch.downGradient != nil else { return }
        workspace.scope {
            let reducedGradient = workspace.matrix(rows: outputGradient.rowCount, columns: branch.down.rowCount)
            reducedGradient.setProduct(outputGradient, branch.up)
            reducedGradient.scale(by: branch.scale)
            branch.downGradient?.setProduct(transposed: reducedGradient, kept.input, adding: true)
            guard let inputGradient else { return }
            guard let mask = context.dropout?.mask(for: index) else {
                inputGradient.setProduct(reducedGradient, branch.down, adding: true)
                return
            }
            let masked = workspace.matrix(rows: inputGradient.rowCount, columns: inputGradient.columnCount)
            masked.setProduct(reducedGradient, branch.down)
            mask.apply(masked, rows: rows, into: masked)
            inputGradient.add(masked)
        }
    }
}

extension DropoutMask {
    /// Masks all rows of an activation.
    func apply(_ x: Matrix, rows: RowLayout, into y: Matrix) {
        for example in 0..<rows.exampleCount {
            let range = rows.rows(of: example)
            apply(
                x.rows(range), into: y.rows(range), firstToken: rows.firstPosition(of: example),
                example: rows.exampleIDs[example])
        }
    }
}
