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
    let workspace: Workspace
}

/// A frozen projection with the low-rank branch beside it, if there is one: y = x·Wᵀ + scale·(x̂·Aᵀ)·Bᵀ, where x̂ is x
/// after the branch's dropout.
///
/// The bias is added by what follows.
struct AdaptedLinear {
    let weight: any FrozenWeight
    /// The projection's index.
    let index: Int
    let branch: LowRankBranch?

    /// What backward reads of the branch.
    struct Kept {
        /// x̂, [rows, inputSize].
        let input: Matrix
        /// z = x̂·Aᵀ, [rows, adapterRank].
        let reduced: Matrix
    }

    init(_ layer: FrozenLayer, _ role: ProjectionRole, of number: Int, context: PassContext) {
        weight = layer[role].weight
        index = number * ProjectionRole.allCases.count + role.rawValue
        branch = context.branches[index]
    }

    var isTrained: Bool { branch?.isTrained ?? false }

    /// Computes y; the workspace keeps what is returned.
    func forward(_ x: Matrix, rows: RowLayout, into y: Matrix, context: PassContext) -> Kept? {
        let workspace = context.workspace
        ComputeClock.count(.projections) {
            workspace.scope {
                gemm(x, weight.matrix(in: workspace), transposed: true, into: y)
            }
        }
        guard let branch else { return nil }
        return ComputeClock.count(.lowRank) {
            addBranch(branch, x, rows: rows, to: y, context: context)
        }
    }

    private func addBranch(
        _ branch: LowRankBranch, _ x: Matrix, rows: RowLayout, to y: Matrix, context: PassContext
    ) -> Kept {
        let workspace = context.workspace
        var input = x
        if let mask = context.dropout?.mask(for: index) {
            input = workspace.matrix(rows: x.rowCount, columns: x.columnCount)
            mask.apply(x, rows: rows, into: input)
        }
        let reduced = workspace.matrix(rows: x.rowCount, columns: branch.down.rowCount)
        gemm(input, branch.down, transposed: true, into: reduced)
        context.observe?(index, reduced)
        gemm(reduced, branch.up, transposed: true, into: y, alpha: branch.scale, beta: 1)
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
                workspace.scope {
                    gemm(outputGradient, weight.matrix(in: workspace), into: inputGradient, beta: adding ? 1 : 0)
                }
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
        if let upGradient = branch.upGradient {
            gemm(outputGradient, transposed: true, kept.reduced, into: upGradient, alpha: branch.scale, beta: 1)
        }
        guard inputGradient != nil || branch.downGradient != nil else { return }
        workspace.scope {
            let reducedGradient = workspace.matrix(rows: outputGradient.rowCount, columns: branch.down.rowCount)
            gemm(outputGradient, branch.up, into: reducedGradient, alpha: branch.scale)
            if let downGradient = branch.downGradient {
                gemm(reducedGradient, transposed: true, kept.input, into: downGradient, beta: 1)
            }
            guard let inputGradient else { return }
            guard let mask = context.dropout?.mask(for: index) else {
                gemm(reducedGradient, branch.down, into: inputGradient, beta: 1)
                return
            }
            let masked = workspace.matrix(rows: inputGradient.rowCount, columns: inputGradient.columnCount)
            gemm(reducedGradient, branch.down, into: masked)
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
            apply(x.rows(range), into: y.rows(range), firstToken: 0, example: rows.exampleIDs[example])
        }
    }
}
