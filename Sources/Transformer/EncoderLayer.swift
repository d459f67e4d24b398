//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// One encoder layer with its branches: attention, then a feed-forward block, each with a residual and a LayerNorm
/// behind it (post-norm, as BERT has it).
struct EncoderLayer {
    let frozen: FrozenLayer
    let number: Int
    let attention: Attention
    let activation: Activation
    /// All tokens: the rows of the layer's input.
    let rows: RowLayout
    /// The rows that the layer computes an output for: all tokens, or each example's first.
    let outputRows: RowLayout
    let context: PassContext

    /// What backward reads.
    struct Kept {
        /// The rows of the input that an output is computed for, [output rows, hidden].
        let queryInput: Matrix
        let query: Matrix
        let key: Matrix
        let value: Matrix
        /// By example.
        let probabilities: [Matrix]
        let attentionNorm: LayerNorm.Kept?
        /// The activation's slope, [output rows, intermediate].
        let slope: Matrix?
        let outputNorm: LayerNorm.Kept?
        /// By `ProjectionRole.rawValue`; nil where there is no branch.
        let branches: [AdaptedLinear.Kept?]
    }

    var readsAllTokens: Bool { outputRows.rowCount == rows.rowCount }

    func projection(_ role: ProjectionRole) -> AdaptedLinear {
        AdaptedLinear(frozen, role, of: number, context: context)
    }

    /// Computes the layer's output, [output rows, hidden].
    /// - Parameters:
    ///   - input: [tokens, hidden].
    ///   - output: [output rows, hidden].
    ///   - keeps: Whether there will be a backward pass through this layer.
    /// - Returns: What backward reads, in the workspace; of no use unless `keeps`.
    func forward(_ input: Matrix, into output: Matrix, keeps: Bool) -> Kept {
        context.workspace.scratch.scope { compute(input, into: output, keeps: keeps) }
    }

    private func compute(_ input: Matrix, into output: Matrix, keeps: Bool) -> Kept {
        let workspace = context.workspace
        let hidden = input.columnCount
        var branches = [AdaptedLinear.Kept?](repeating: nil, count: ProjectionRole.allCases.count)
        func project(_ role: ProjectionRole, _ x: PackedInput, into y: Matrix, addsBias: Bool = false) {
            branches[role.rawValue] = projection(role).forward(
                x, addsBias: addsBias, into: y, context: context)
        }

        let queryInput = readsAllTokens ? input : firstTokens(of: input)
        let query = workspace.matrix(rows: outputRows.rowCount, columns: hidden)
        let key = workspace.matrix(rows: rows.rowCount, columns: hidden)
        let value = workspace.matrix(rows: rows.rowCount, columns: hidden)
        let all = packed(input, rows, for: .query, .key, .value)
        let read = readsAllTokens ? all : packed(queryInput, outputRows, for: .query)
        project(.query, read, into: query, addsBias: true)
        project(.key, all, into: key, addsBias: true)
        project(.value, all, into: value, addsBias: true)

        let mixed = home(.attentionOutput, keeps: keeps).matrix(rows: outputRows.rowCount, columns: hidden)
        let probabilities = ComputeClock.count(.attention) {
            attention.forward(
                query: query, key: key, value: value, queryRows: outputRows, rows: rows, into: mixed,
                workspace: workspace)
        }

        func keptNorm() -> LayerNorm.Kept? {
            keeps ? LayerNorm.Kept(rows: outputRows.rowCount, columns: hidden, workspace: workspace) : nil
        }
        let middle = home(.intermediate, keeps: keeps).matrix(rows: outputRows.rowCount, columns: hidden)
        project(.attentionOutput, packed(mixed, outputRows, for: .attentionOutput), into: middle)
        let attentionNorm = keptNorm()
        ComputeClock.count(.normalisation) {
            frozen.attentionNorm.apply(
                middle, bias: frozen[.attentionOutput].bias, residual: queryInput, into: middle, kept: attentionNorm)
        }

        let bias = frozen[.intermediate].bias
        let wide = home(.output, keeps: keeps).matrix(rows: outputRows.rowCount, columns: bias.columnCount)
        project(.intermediate, packed(middle, outputRows, for: .intermediate), into: wide)
        let slope = keeps ? workspace.matrix(rows: wide.rowCount, columns: wide.columnCount) : nil
        ComputeClock.count(.activation) {
            activation.apply(to: wide, bias: bias, slope: slope)
        }

        project(.output, packed(wide, outputRows, for: .output), into: output)
        let outputNorm = keptNorm()
        ComputeClock.count(.normalisation) {
            frozen.outputNorm.apply(
                output, bias: frozen[.output].bias, residual: middle, into: output, kept: outputNorm)
        }
        return Kept(
            queryInput: queryInput, query: query, key: key, value: value, probabilities: probabilities,
            attentionNorm: attentionNorm, slope: slope, outputNorm: outputNorm, branches: branches)
    }

    private func packed(_ x: Matrix, _ rows: RowLayout, for readers: ProjectionRole...) -> PackedInput {
        PackedInput(x, rows, for: readers.map(projection), context: context)
    }

    /// Where the input of this projection lies: kept if its branch will read it, else given back with the layer.
    private func home(_ role: ProjectionRole, keeps: Bool) -> Workspace {
        keeps && projection(role).branch != nil ? context.workspace : context.workspace.scratch
    }

    private func firstTokens(of input: Matrix) -> Matrix {
        let result = context.workspace.matrix(rows: outputRows.rowCount, columns: input.columnCount)
        for example in 0..<rows.exampleCount {
            let first = rows.starts[example]
            result.rows(example..<example + 1).copy(from: input.rows(first..<first + 1))
        }
        return result
    }
}
