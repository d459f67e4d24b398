//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

/// What a forward pass found and what backward needs of it.
///
/// It lives as long as the workspace's scope in which it was made.
package struct ForwardPass {
    /// [examples, labels].
    package let logits: Matrix
    /// The last layer's output: all tokens [tokens, hidden], or each example's first [examples, hidden].
    package let hidden: Matrix
    let rows: RowLayout
    let outputRows: RowLayout
    let head: HeadParameters
    let context: PassContext
    /// The last layer's output at each example's first token, [examples, hidden].
    let first: Matrix
    /// What the pooler made of it, [examples, hidden].
    let pooled: Matrix
    /// The slope of the pooler's activation, [examples, hidden]; nil for tanh, whose slope follows from `pooled`, and
    /// where no backward pass follows.
    let poolerSlope: Matrix?
    /// The first layer that backward enters; the number of layers if it enters none.
    let lowestTrainedLayer: Int
    /// Of the layers from there on.
    let layers: [EncoderLayer.Kept]
    /// Whether `backward` may follow.
    let allowsBackward: Bool
}

extension SequenceClassifier {
    /// Computes the logits.
    ///
    /// Call it and `backward` within one scope of the workspace. All bits of the results depend on the arguments
    /// alone, not on what the workspace held.
    /// - Parameters:
    ///   - batch: At least what `check` accepts.
    ///   - branches: One entry a projection, in the order of `projections`; nil: no LoRA there.
    ///   - head: With a pooler exactly if the model was made with `trainPooler`.
    ///   - dropout: On the branches' inputs; nil when evaluating.
    ///   - reads: Which tokens of the last layer are computed.
    ///   - forBackward: False where no `backward` follows: activations are then not kept, whatever is trained.
    ///   - observe: Told of every branch's z = A·x, [rows, adapterRank], by the projection's index; valid during the
    ///     call only.
    ///   - layerDone: Called after each layer, in `backward` too.
    ///   - workspace: Holds the activations.
    package func forward(
        _ batch: PackedSequences, branches: [LowRankBranch?], head: HeadParameters, dropout: InputDropout? = nil,
        reads: TokensRead = .firstTokenOnly, forBackward: Bool = true, observe: ((Int, Matrix) -> Void)? = nil,
        layerDone: (() -> Void)? = nil, workspace: Workspace
    ) -> ForwardPass {
        precondition(
            branches.count == projections.count, "\(branches.count) branches for \(projections.count) projections")
        precondition(
            (head.pooler != nil) == trainsPooler,
            "a head \(head.pooler == nil ? "without" : "with") a pooler for a model that "
                + (trainsPooler ? "trains one" : "has its own"))
        let context = PassContext(
            branches: branches, dropout: dropout.flatMap { $0.probability > 0 ? $0 : nil }, observe: observe,
            layerDone: layerDone, precision: precision, workspace: workspace)
        let all = batch.allTokens
        let firsts = batch.firstTokens
        let lowestTrained = projections.first { forBackward && branches[$0.index]?.isTrained ?? false }?.layer
        let lowest = lowestTrained ?? encoder.layers.count

        // The layers that backward does not enter take turns with two buffers.
        let spare = (0..<2).map { _ in workspace.matrix(rows: batch.tokenCount, columns: configuration.hiddenSize) }
        ComputeClock.count(.embeddings) {
            embed(batch, into: spare[1], workspace: workspace)
        }
        var hidden = spare[1]
        var kept: [EncoderLayer.Kept] = []
        for number in encoder.layers.indices {
            let isLast = number == encoder.layers.count - 1
            let outputRows = isLast && reads == .firstTokenOnly ? firsts : all
            let layer = layer(number, rows: all, outputRows: outputRows, context: context)
            let output =
                number >= lowest || isLast
                ? workspace.matrix(rows: outputRows.rowCount, columns: configuration.hiddenSize) : spare[number % 2]
            if number >= lowest {
                kept.append(layer.forward(hidden, into: output, keeps: true))
            } else {
                workspace.scope {
                    _ = layer.forward(hidden, into: output, keeps: false)
                }
            }
            hidden = output
            layerDone?()
        }

        let first: Matrix
        if hidden.rowCount == firsts.rowCount {
            first = hidden
        } else {
            first = workspace.matrix(rows: firsts.rowCount, columns: configuration.hiddenSize)
            for example in 0..<batch.exampleCount {
                let start = batch.starts[example]
                first.rows(example..<example + 1).copy(from: hidden.rows(start..<start + 1))
            }
        }
        let pooled = workspace.matrix(rows: firsts.rowCount, columns: configuration.hiddenSize)
        let poolerSlope =
            forBackward && configuration.family.pooler.activation != .tanh
            ? workspace.matrix(rows: firsts.rowCount, columns: configuration.hiddenSize) : nil
        guard let classifier = head.classifier else {
            preconditionFailure("a sequence classifier without a classifier")
        }
        let logits = workspace.matrix(rows: firsts.rowCount, columns: classifier.weight.rowCount)
        ComputeClock.count(.head) {
            pool(first, head: head, into: pooled, slope: poolerSlope, workspace: workspace)
            workspace.scope {
                logits.setProduct(
                    PackedRows(pooled, in: workspace), transposed: classifier.weight, bias: classifier.bias)
            }
        }
        return ForwardPass(
            logits: logits, hidden: hidden, rows: all,
            outputRows: reads == .firstTokenOnly ? firsts : all, head: head, context: context, first: first,
            pooled: pooled, poolerSlope: poolerSlope, lowestTrainedLayer: lowest, layers: kept,
            allowsBackward: forBackward)
    }

    func layer(_ number: Int, rows: RowLayout, outputRows: RowLayout, context: PassContext) -> EncoderLayer {
        EncoderLayer(
            frozen: encoder.layers[number], number: number,
            attention: Attention(headCount: configuration.headCount, headSize: configuration.headSize),
            activation: configuration.activation, rows: rows, outputRows: outputRows, context: context)
    }

    private func embed(_ batch: PackedSequences, into hidden: Matrix, workspace: Workspace) {
        workspace.scope {
            let size = configuration.embeddingSize
            let sum =
                encoder.embeddingProjection == nil
                ? hidden : workspace.matrix(rows: batch.tokenCount, columns: size)
            encoder.wordEmbeddings.gatherRows(batch.tokenIDs, into: sum, adding: false, workspace: workspace)
            encoder.wordEmbeddings.letGo()
            encoder.tokenTypeEmbeddings?.gatherRows(
                batch.tokenTypeIDs, into: sum, adding: true, workspace: workspace)
            encoder.positionEmbeddings.gatherRows(
                configuration.positions(of: batch), into: sum, adding: true, workspace: workspace)
            encoder.embeddingNorm.apply(sum, into: sum)
            if let projection = encoder.embeddingProjection {
                hidden.setProduct(
                    PackedRows(sum, in: workspace), transposed: projection.weight.matrix(in: workspace),
                    bias: projection.bias)
            }
        }
    }

    private func pool(
        _ first: Matrix, head: HeadParameters, into pooled: Matrix, slope: Matrix?, workspace: Workspace
    ) {
        workspace.scope {
            let first = PackedRows(first, in: workspace)
            let bias: Matrix
            if let pooler = head.pooler {
                guard let own = pooler.bias else { preconditionFailure("a pooler without a bias") }
                pooled.setProduct(first, transposed: pooler.weight)
                bias = own
            } else if let pooler = encoder.pooler {
                pooled.setProduct(first, transposed: pooler.weight.matrix(in: workspace))
                bias = pooler.bias
            } else {
                preconditionFailure("a model without a pooler and a head without one")
            }
            switch configuration.family.pooler.activation {
            case .tanh: pooled.applyTanh(bias: bias)
            case .other(let activation): activation.apply(to: pooled, bias: bias, slope: slope)
            }
        }
    }
}
