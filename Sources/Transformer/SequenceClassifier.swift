//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

/// Which tokens of the last layer the caller reads.
package enum TokensRead: Sendable, Hashable {
    /// Each example's first, all that a classifier needs: in the last layer query, attention output and feed-forward
    /// run for it alone. Exact: the other tokens' outputs have no reader.
    case firstTokenOnly
    /// All of them, as the importance pass does.
    case allTokens
}

/// A frozen encoder with a place for a pooler and a classifier: transformers' `…ForSequenceClassification`.
///
/// It holds what does not change. What is trained is handed to each pass as views; what a pass keeps lies in the
/// workspace of the thread that runs it. Base-model dropout is off.
package final class SequenceClassifier: Sendable {
    package let configuration: EncoderConfiguration
    /// Every projection that a branch can be put on; branches are indexed by the place in it.
    package let projections: [ProjectionDescription]
    /// Whether the pooler belongs to the head.
    package let trainsPooler: Bool
    let encoder: FrozenEncoder
    /// Of the products with frozen weights.
    package let precision: MatmulPrecision

    /// Finds the weights; those in a mapped file are not read.
    /// - Parameters:
    ///   - configuration: Of the same folder.
    ///   - source: The folder's tensors.
    ///   - trainPooler: The pooler is part of the head, which every pass is handed; in families where PEFT
    ///     trains it with the classifier it always is.
    /// - Throws: `TransformerError` if tensors are absent (a pooler too, without `trainPooler`), or what the source
    ///   throws of one that is misshapen or no float.
    package init(
        configuration: EncoderConfiguration, source: any WeightSource, trainPooler: Bool = false
    ) throws {
        encoder = try FrozenEncoder(configuration, source: source)
        self.configuration = configuration
        projections = configuration.projections
        let pooler = configuration.family.pooler
        trainsPooler = trainPooler || pooler.module == nil
        precision = .highest
        guard trainsPooler || encoder.pooler != nil else {
            throw TransformerError(
                .missingPooler,
                "\(source.location): expected a pooler (\(pooler.path).weight), found none; "
                    + "transformers would draw a random one and PEFT would not save it. Train one with the head "
                    + "(model_options.train_pooler), or take a folder that has one")
        }
    }

    private init(_ other: SequenceClassifier, precision: MatmulPrecision, encoder: FrozenEncoder) {
        (configuration, projections, trainsPooler) = (other.configuration, other.projections, other.trainsPooler)
        self.encoder = encoder
        self.precision = precision
    }

    /// The same model, its products with the layers' frozen weights at this precision.
    /// - Parameter keeping: Whether weights are kept split, where they are: memory for time, the same bits.
    package func computing(
        at precision: MatmulPrecision, keepingSplitWeights keeping: Bool = false
    ) -> SequenceClassifier {
        SequenceClassifier(
            self, precision: precision,
            encoder: keeping && precision == .high ? encoder.keepingSplitWeights() : encoder)
    }

    /// The folder's own pooler as a start for a trained one, weight [hidden, hidden] and bias [1, hidden]; nil if
    /// there is none.
    package var pretrainedPooler: (weight: Matrix, bias: Matrix)? {
        encoder.pooler.map { pooler in
            // A workspace of its own, whose memory the result keeps.
            (pooler.weight.matrix(in: Workspace(blockSize: 1)), pooler.bias)
        }
    }

    /// Says whether this model can compute `batch`, which may have come from a peer.
    /// - Throws: `TransformerError` with code `badBatch`, naming the example and the token.
    package func check(_ batch: PackedSequences) throws(TransformerError) {
        func refuse(_ reason: String) -> TransformerError { TransformerError(.badBatch, reason) }
        guard
            batch.starts.count == batch.exampleIDs.count + 1, batch.starts[0] == 0,
            batch.starts[batch.starts.count - 1] == batch.tokenIDs.count,
            batch.tokenTypeIDs.count == batch.tokenIDs.count
        else {
            throw refuse(
                "a batch of \(batch.exampleIDs.count) examples with \(batch.starts.count) starts, "
                    + "\(batch.tokenIDs.count) tokens and \(batch.tokenTypeIDs.count) token types")
        }
        for example in 0..<batch.exampleCount {
            let (start, end) = (batch.starts[example], batch.starts[example + 1])
            guard
                start >= 0, start < end, end <= batch.tokenIDs.count, end - start <= configuration.positionCount
            else {
                throw refuse(
                    "example \(batch.exampleIDs[example]) has the tokens \(start) to \(end) of "
                        + "\(batch.tokenIDs.count), expected 1 to \(configuration.positionCount) of them")
            }
        }
        let types = max(configuration.tokenTypeCount, 1)
        for token in batch.tokenIDs.indices {
            let id = batch.tokenIDs[token]
            guard id >= 0, Int(id) < configuration.vocabularySize else {
                throw refuse("token \(token) has the id \(id), expected below \(configuration.vocabularySize)")
            }
            let type = batch.tokenTypeIDs[token]
            guard type >= 0, Int(type) < types else {
                throw refuse("token \(token) has the token type \(type), expected below \(types)")
            }
        }
    }
}
