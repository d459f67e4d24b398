//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// One decoder layer of one pass.
struct DecoderLayer {
    let frozen: FrozenDecoderLayer
    let number: Int
    let attention: CausalAttention
    let intermediateSize: Int
    /// All tokens of the pass: the rows of the layer's input.
    let rows: RowLayout
    /// The rows that the layer computes an output for.
    let outputRows: RowLayout
    /// The turns of each example's positions.
    let turns: [RotaryTable]
    /// What was computed of earlier tokens, by example; nil where the pass has all tokens.
    let caches: [KeyValueCache]?
    let context: PassContext

    /// What backward reads, besides the layer's input.
    struct Kept {
        /// Of the attention's RMSNorm, [tokens, 1].
        let attentionReciprocals: Matrix
        /// As the attention reads them.
        let query: Matrix
        let key: Matrix
        let value: Matrix
        /// In families that normalise heads: the heads before, and the reciprocals.
        let queryHeads: HeadsKept?
        let keyHeads: HeadsKept?
        /// The sum between attention and feed-forward, [output rows, hidden].
        let middle: Matrix
        /// Of the feed-forward's RMSNorm, [output rows, 1].
        let feedForwardReciprocals: Matrix
        let gate: Matrix
        let up: Matrix
        /// By `DecoderProjection.place`; nil where there is no branch.
        let branches: [AdaptedLinear.Kept?]
    }

    /// Heads before their RMSNorm, as [rows · heads, headSize].
    struct HeadsKept {
        let heads: Matrix
        let reciprocals: Matrix
    }

    var readsAllTokens: Bool { outputRows.rowCount == rows.rowCount }

    func projection(_ kind: DecoderProjection) -> AdaptedLinear {
        AdaptedLinear(
            frozen[kind], index: number * DecoderProjection.allCases.count + kind.place, context: context)
    }

    /// Computes the layer's output, [output rows, hidden].
    /// - Parameters:
    ///   - input: [tokens, hidden].
    ///   - output: [output rows, hidden].
    /// - Returns: What backward reads. It lies in the workspace.
    @discardableResult
    func forward(_ input: Matrix, into output: Matrix) -> Kept {
        context.workspace.scratch.scope { compute(input, into: output) }
    }

    private func compute(_ input: Matrix, into output: Matrix) -> Kept {
        let workspace = context.workspace
        let hidden = input.columnCount
        var branches = [AdaptedLinear.Kept?](repeating: nil, count: DecoderProjection.allCases.count)
        func project(_ kind: DecoderProjection, _ x: PackedInput) -> Matrix {
            let y = workspace.matrix(rows: x.rows.rowCount, columns: size(of: kind))
            project(kind, x, into: y)
            return y
        }
        func project(_ kind: DecoderProjection, _ x: PackedInput, into y: Matrix) {
            branches[kind.place] = projection(kind).forward(
                x, addsBias: true, into: y, context: context)
        }

        let attentionReciprocals = workspace.matrix(rows: rows.rowCount, columns: 1)
        let normalised = home(.query, .key, .value).matrix(rows: rows.rowCount, columns: hidden)
        ComputeClock.count(.normalisation) {
            frozen.attentionNorm.apply(input, into: normalised, reciprocals: attentionReciprocals)
        }
        let all = packed(normalised, rows, for: .query, .key, .value)
        let read = readsAllTokens ? all : packed(outputRows(of: normalised, in: home(.query)), outputRows, for: .query)
        let (query, queryHeads) = turned(project(.query, read), frozen.headNorms?.query, outputRows)
        let (key, keyHeads) = turned(project(.key, all), frozen.headNorms?.key, rows)
        let value = project(.value, all)

        let mixed = home(.attentionOutput).matrix(rows: outputRows.rowCount, columns: query.columnCount)
        ComputeClock.count(.attention) {
            attention.forward(
                query: query, queryRows: outputRows, memory: { memory(of: $0, key: key, value: value) }, into: mixed,
                workspace: workspace.scratch)
        }
        let middle = workspace.matrix(rows: outputRows.rowCount, columns: hidden)
        project(.attentionOutput, packed(mixed, outputRows, for: .attentionOutput), into: middle)
        middle.add(readsAllTokens ? input : outputRows(of: input, in: workspace.scratch))

        let feedForwardReciprocals = workspace.matrix(rows: outputRows.rowCount, columns: 1)
        let narrow = home(.gate, .up).matrix(rows: outputRows.rowCount, columns: hidden)
        ComputeClock.count(.normalisation) {
            frozen.feedForwardNorm.apply(middle, into: narrow, reciprocals: feedForwardReciprocals)
        }
        let entering = packed(narrow, outputRows, for: .gate, .up)
        let gate = project(.gate, entering)
        let up = project(.up, entering)
        let wide = home(.down).matrix(rows: outputRows.rowCount, columns: gate.columnCount)
        ComputeClock.count(.activation) {
            SiLUGate.apply(gate: gate, up: up, into: wide)
        }
        project(.down, packed(wide, outputRows, for: .down), into: output)
        output.add(middle)
        return Kept(
            attentionReciprocals: attentionReciprocals, query: query, key: key, value: value, queryHeads: queryHeads,
            keyHeads: keyHeads, middle: middle, feedForwardReciprocals: feedForwardReciprocals, gate: gate, up: up,
            branches: branches)
    }

    private func size(of kind: DecoderProjection) -> Int {
        switch kind {
        case .query: attention.headCount * attention.headSize
        case .key, .value: attention.keyHeadCount * attention.headSize
        case .attentionOutput, .down: frozen.attentionNorm.gamma.columnCount
        case .gate, .up: intermediateSize
        }
    }

    /// Where the input of these projections lies: kept if a branch will read it, else given back with the layer.
    private func home(_ kinds: DecoderProjection...) -> Workspace {
        kinds.contains { projection($0).branch != nil } ? context.workspace : context.workspace.scratch
    }

    /// Normalises heads, in families that do, and turns them.
    private func turned(_ x: Matrix, _ norm: RMSNorm?, _ rows: RowLayout) -> (turned: Matrix, before: HeadsKept?) {
        let workspace = context.workspace
        var result = x
        var before: HeadsKept?
        if let norm {
            let heads = x.reshaped(rows: x.count / attention.headSize, columns: attention.headSize)
            let kept = HeadsKept(heads: heads, reciprocals: workspace.matrix(rows: heads.rowCount, columns: 1))
            result = workspace.matrix(rows: x.rowCount, columns: x.columnCount)
            ComputeClock.count(.normalisation) {
                norm.apply(
                    heads, into: result.reshaped(rows: heads.rowCount, columns: heads.columnCount),
                    reciprocals: kept.reciprocals)
            }
            before = kept
        }
        turn(result, rows, .forward)
        return (result, before)
    }

    func turn(_ x: Matrix, _ rows: RowLayout, _ direction: RotaryTable.Direction) {
        ComputeClock.count(.attention) {
            for example in 0..<rows.exampleCount {
                turns[example].turn(
                    x.rows(rows.rows(of: example)), firstPosition: rows.firstPosition(of: example), direction)
            }
        }
    }

    private func memory(of example: Int, key: Matrix, value: Matrix) -> CausalAttention.Memory {
        let new = rows.rows(of: example)
        guard let caches else {
            return CausalAttention.Memory(keys: key.rows(new), values: value.rows(new))
        }
        return caches[example].extend(
            layer: number, from: rows.firstPosition(of: example), keys: key.rows(new), values: value.rows(new))
    }

    private func packed(_ x: Matrix, _ rows: RowLayout, for readers: DecoderProjection...) -> PackedInput {
        PackedInput(x, rows, for: readers.map(projection), context: context)
    }

    /// Hands out where each example's output rows lie among all tokens, and among the output rows.
    func forEachOutputRange(_ body: (_ tokens: Range<Int>, _ outputs: Range<Int>) -> Void) {
        for example in 0..<rows.exampleCount {
            let outputs = outputRows.rows(of: example)
            let first =
                rows.starts[example] + outputRows.firstPosition(of: example) - rows.firstPosition(of: example)
            body(first..<first + outputs.count, outputs)
        }
    }

    private func outputRows(of x: Matrix, in workspace: Workspace) -> Matrix {
        let result = workspace.matrix(rows: outputRows.rowCount, columns: x.columnCount)
        forEachOutputRange { tokens, outputs in
            result.rows(outputs).copy(from: x.rows(tokens))
        }
        return result
    }
}
