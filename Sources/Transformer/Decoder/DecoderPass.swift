//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

/// What a forward pass found, and what backward needs of it.
///
/// Valid as long as the workspace's scope.
package struct DecoderPass {
    /// The last layer's output after the final RMSNorm at the tokens that are read, [read tokens, hidden].
    package let hidden: Matrix
    /// Where each example's rows of `hidden` begin, and behind the last one where they end.
    package var starts: [Int] { outputRows.starts }
    /// The position of each example's first row of `hidden`.
    package func firstPosition(of example: Int) -> Int { outputRows.firstPosition(of: example) }

    let rows: RowLayout
    let outputRows: RowLayout
    let turns: [RotaryTable]
    let context: PassContext
    /// The last layer's output, [read tokens, hidden], and the reciprocals of its RMSNorm.
    let last: Matrix
    let reciprocals: Matrix
    /// The first layer that backward enters; the number of layers if it enters none.
    let lowestTrainedLayer: Int
    /// Of the layers from there on.
    let layers: [Layer]
    /// Whether `backward` may follow.
    let allowsBackward: Bool

    struct Layer {
        /// [tokens, hidden].
        let input: Matrix
        /// Nil: backward computes it again.
        let kept: DecoderLayer.Kept?
    }
}

extension DecoderModel {
    /// Computes the hidden states that `reads` means.
    ///
    /// Call it and `backward` within one scope of the workspace. All bits of the results depend on the arguments
    /// alone, those of an example's rows on the example alone.
    /// - Parameters:
    ///   - batch: At least what `check` accepts.
    ///   - branches: One entry a projection, in the order of `projections`; nil: no LoRA there.
    ///   - dropout: On the branches' inputs; nil when evaluating.
    ///   - reads: Which tokens of the last layer are computed.
    ///   - forBackward: False where no `backward` follows: activations are then not kept, whatever is trained.
    ///   - recomputes: Whether backward computes each layer's activations again, from its input: memory for the
    ///     activations of one layer instead of all, for a third more time. The bits are the same.
    ///   - observe: Told of every branch's z = A·x, [rows, adapterRank], by the projection's index; valid during the
    ///     call only.
    ///   - layerDone: Called after each layer, in `backward` too.
    ///   - workspace: Holds the activations.
    package func forward(
        _ batch: PackedSequences, branches: [LowRankBranch?], dropout: InputDropout? = nil, reads: DecoderReads,
        forBackward: Bool = true, recomputes: Bool = false, observe: ((Int, Matrix) -> Void)? = nil,
        layerDone: (() -> Void)? = nil, workspace: Workspace
    ) -> DecoderPass {
        let context = PassContext(
            branches: branches, dropout: dropout.flatMap { $0.probability > 0 ? $0 : nil }, observe: observe,
            layerDone: layerDone, precision: precision, workspace: workspace)
        let rows = batch.rows(read: .allTokens)
        return run(
            batch, rows: rows, outputRows: batch.rows(read: reads), caches: nil, forBackward: forBackward,
            recomputes: recomputes, context: context)
    }

    /// Goes on with texts whose earlier tokens are in `caches`.
    ///
    /// The hidden states have the bits that a pass over the whole texts gives them.
    /// - Parameters:
    ///   - batch: The new tokens, at least one a text.
    ///   - caches: One a text, with room for the new tokens, which are added.
    /// - Returns: Each text's last hidden state after the final RMSNorm, [texts, hidden].
    package func extend(
        _ batch: PackedSequences, caches: [KeyValueCache], branches: [LowRankBranch?], workspace: Workspace
    ) -> Matrix {
        precondition(caches.count == batch.exampleCount, "\(caches.count) caches for \(batch.exampleCount) texts")
        let context = PassContext(
            branches: branches, dropout: nil, observe: nil, precision: precision, workspace: workspace)
        let lengths = (0..<batch.exampleCount).map { batch.starts[$0 + 1] - batch.starts[$0] }
        let ranges = zip(caches, lengths).map { $0.tokenCount..<$0.tokenCount + $1 }
        let pass = run(
            batch, rows: RowLayout(ranges: ranges, exampleIDs: batch.exampleIDs),
            outputRows: RowLayout(
                ranges: ranges.map { $0.upperBound - 1..<$0.upperBound }, exampleIDs: batch.exampleIDs),
            caches: caches, forBackward: false, recomputes: false, context: context)
        for (cache, count) in zip(caches, lengths) {
            cache.advance(by: count)
        }
        return pass.hidden
    }

    private func run(
        _ batch: PackedSequences, rows: RowLayout, outputRows: RowLayout, caches: [KeyValueCache]?, forBackward: Bool,
        recomputes: Bool, context: PassContext
    ) -> DecoderPass {
        precondition(
            context.branches.count == projections.count,
            "\(context.branches.count) branches for \(projections.count) projections")
        let workspace = context.workspace
        let size = configuration.hiddenSize
        let layerCount = weights.layers.count
        let turns = turns(rows)
        let lowest =
            projections.first { forBackward && context.branches[$0.index]?.isTrained ?? false }?.layer ?? layerCount

        // The layers that backward does not enter take turns with two buffers.
        let spare = (0..<2).map { _ in workspace.matrix(rows: rows.rowCount, columns: size) }
        ComputeClock.count(.embeddings) {
            weights.embeddings.gatherRows(batch.tokenIDs, into: spare[1], adding: false, workspace: workspace)
        }
        var hidden = spare[1]
        var layers: [DecoderPass.Layer] = []
        for number in 0..<layerCount {
            let isLast = number == layerCount - 1
            let layer = layer(
                number, rows: rows, outputRows: isLast ? outputRows : rows, turns: turns, caches: caches,
                context: context)
            let output =
                number >= lowest || isLast
                ? workspace.matrix(rows: layer.outputRows.rowCount, columns: size) : spare[number % 2]
            if number >= lowest, !recomputes {
                layers.append(DecoderPass.Layer(input: hidden, kept: layer.forward(hidden, into: output)))
            } else {
                workspace.scope {
                    _ = layer.forward(hidden, into: output)
                }
                if number >= lowest {
                    layers.append(DecoderPass.Layer(input: hidden, kept: nil))
                }
            }
            hidden = output
            context.layerDone?()
        }
        let normalised = workspace.matrix(rows: hidden.rowCount, columns: size)
        let reciprocals = workspace.matrix(rows: hidden.rowCount, columns: 1)
        ComputeClock.count(.normalisation) {
            weights.norm.apply(hidden, into: normalised, reciprocals: reciprocals)
        }
        return DecoderPass(
            hidden: normalised, rows: rows, outputRows: outputRows, turns: turns, context: context, last: hidden,
            reciprocals: reciprocals, lowestTrainedLayer: lowest, layers: layers, allowsBackward: forBackward)
    }

    func layer(
        _ number: Int, rows: RowLayout, outputRows: RowLayout, turns: [RotaryTable], caches: [KeyValueCache]?,
        context: PassContext
    ) -> DecoderLayer {
        DecoderLayer(
            frozen: weights.layers[number], number: number,
            attention: CausalAttention(
                headCount: configuration.headCount, keyHeadCount: configuration.keyHeadCount,
                headSize: configuration.headSize, window: configuration.windows[number]),
            intermediateSize: configuration.intermediateSize, rows: rows, outputRows: outputRows, turns: turns,
            caches: caches, context: context)
    }

    /// The turns of each example's positions.
    ///
    /// Examples share one table, unless the scaling depends on the length.
    private func turns(_ rows: RowLayout) -> [RotaryTable] {
        let positions = (0..<rows.exampleCount).map { example in
            rows.firstPosition(of: example)..<rows.firstPosition(of: example) + rows.rows(of: example).count
        }
        func table(_ positions: Range<Int>) -> RotaryTable {
            RotaryTable(
                positions: positions,
                inverseFrequencies: configuration.rotary.inverseFrequencies(
                    headSize: configuration.headSize, length: positions.upperBound),
                factor: configuration.rotary.attentionFactor)
        }
        let common = positions.filter { !configuration.rotary.isOwn(length: $0.upperBound) }
        let shared =
            common.isEmpty
            ? nil : table((common.map(\.lowerBound).min() ?? 0)..<(common.map(\.upperBound).max() ?? 0))
        return positions.map { positions in
            guard let shared, !configuration.rotary.isOwn(length: positions.upperBound) else { return table(positions) }
            return shared
        }
    }
}

extension DecoderModel {
    /// Adds the gradients of everything trained in the branches of `pass`.
    ///
    /// Nothing is computed below the lowest trained module.
    /// - Parameters:
    ///   - pass: Of this model; each pass once, and before its workspace's scope ends.
    ///   - hiddenGradient: That of `pass.hidden`; not written.
    package func backward(_ pass: DecoderPass, hiddenGradient: Matrix) {
        precondition(pass.allowsBackward, "backward through a pass that was made without forBackward")
        guard pass.lowestTrainedLayer < weights.layers.count else { return }
        // A layer that is computed again is not observed again.
        let context = PassContext(
            branches: pass.context.branches, dropout: pass.context.dropout, observe: nil,
            layerDone: pass.context.layerDone, precision: pass.context.precision, workspace: pass.context.workspace)
        let workspace = context.workspace
        let size = configuration.hiddenSize
        workspace.scope {
            var gradient = workspace.matrix(rows: hiddenGradient.rowCount, columns: size)
            ComputeClock.count(.normalisation) {
                weights.norm.backward(
                    hiddenGradient, x: pass.last, reciprocals: pass.reciprocals, into: gradient, adding: false)
            }
            let buffers = (0..<2).map { _ in workspace.matrix(rows: pass.rows.rowCount, columns: size) }
            for number in weights.layers.indices.reversed() where number >= pass.lowestTrainedLayer {
                let isLast = number == weights.layers.count - 1
                let layer = layer(
                    number, rows: pass.rows, outputRows: isLast ? pass.outputRows : pass.rows, turns: pass.turns,
                    caches: nil, context: context)
                let known = pass.layers[number - pass.lowestTrainedLayer]
                let inner = number > pass.lowestTrainedLayer ? buffers[number % 2] : nil
                workspace.scope {
                    let kept =
                        known.kept
                        ?? layer.forward(
                            known.input, into: workspace.matrix(rows: layer.outputRows.rowCount, columns: size))
                    layer.backward(gradient, input: known.input, kept: kept, inputGradient: inner)
                }
                gradient = inner ?? gradient
                context.layerDone?()
            }
        }
    }
}
