//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

/// Which tokens' results of the last layer the caller reads.
package enum DecoderReads: Sendable, Hashable {
    /// All, as the importance pass does.
    case allTokens
    /// Each example's last, as a sequence classifier does.
    case lastToken
    /// Those that predict a completion: by example the place of the completion's first token. The token before it
    /// predicts it, and so on up to the last but one. A place of 0 is as 1, since nothing predicts a text's first token.
    case completions(first: [Int])
}

/// A frozen decoder: transformers' `…Model` of the Llama family and its kin.
///
/// It holds what does not change. What is trained is handed to each pass as views; what a pass keeps lies in the
/// workspace of the thread that runs it.
package final class DecoderModel: Sendable {
    package let configuration: DecoderConfiguration
    /// Every projection that a branch can be put on; branches are indexed by the place in it.
    package let projections: [ProjectionDescription]
    let weights: FrozenDecoderWeights
    /// Of the products with frozen weights.
    package let precision: MatmulPrecision

    /// Finds the weights; those in a mapped file are not read.
    /// - Parameters:
    ///   - configuration: Of the same folder.
    ///   - source: The folder's tensors.
    /// - Throws: `TransformerError` if tensors are absent, or what the source throws of one that is misshapen or no
    ///   float.
    package init(configuration: DecoderConfiguration, source: any WeightSource) throws {
        weights = try FrozenDecoderWeights(configuration, source: source)
        self.configuration = configuration
        projections = configuration.projections
        precision = .highest
    }

    private init(_ other: DecoderModel, precision: MatmulPrecision, weights: FrozenDecoderWeights) {
        (configuration, projections) = (other.configuration, other.projections)
        self.weights = weights
        self.precision = precision
    }

    /// The same model, its products with frozen weights at this precision.
    /// - Parameter keeping: Whether weights are kept split, where they are: memory for time, the same bits.
    package func computing(at precision: MatmulPrecision, keepingSplitWeights keeping: Bool = false) -> DecoderModel {
        DecoderModel(
            self, precision: precision,
            weights: keeping && precision == .high ? weights.keepingSplitWeights() : weights)
    }

    /// Whether there is what logits over the vocabulary are computed with.
    package var hasLanguageHead: Bool { weights.languageHead != nil }

    /// Says whether this model can compute `batch`, which may have come from a peer.
    /// - Throws: `TransformerError` with code `badBatch`, naming the example and the token.
    package func check(_ batch: PackedSequences) throws(TransformerError) {
        func refuse(_ reason: String) -> TransformerError { TransformerError(.badBatch, reason) }
        guard
            batch.starts.count == batch.exampleIDs.count + 1, batch.starts[0] == 0,
            batch.starts[batch.starts.count - 1] == batch.tokenIDs.count
        else {
            throw refuse(
                "a batch of \(batch.exampleIDs.count) examples with \(batch.starts.count) starts and "
                    + "\(batch.tokenIDs.count) tokens")
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
        for (token, id) in batch.tokenIDs.enumerated() where id < 0 || Int(id) >= configuration.vocabularySize {
            throw refuse("token \(token) has the id \(id), expected below \(configuration.vocabularySize)")
        }
    }
}

extension PackedSequences {
    /// The rows that `reads` means.
    func rows(read reads: DecoderReads) -> RowLayout {
        let ranges: [Range<Int>] = (0..<exampleCount).map { example in
            let length = starts[example + 1] - starts[example]
            switch reads {
            case .allTokens: return 0..<length
            case .lastToken: return length - 1..<length
            case .completions(let first):
                precondition(first.count == exampleCount, "\(first.count) completions of \(exampleCount) examples")
                let from = max(first[example], 1) - 1
                return min(from, length - 1)..<length - 1
            }
        }
        return RowLayout(ranges: ranges, exampleIDs: exampleIDs)
    }
}

extension RowLayout {
    /// - Parameter ranges: The positions of each example's rows.
    init(ranges: [Range<Int>], exampleIDs: [UInt32]) {
        var starts = [0]
        for range in ranges {
            starts.append(starts[starts.count - 1] + range.count)
        }
        self.init(starts: starts, exampleIDs: exampleIDs, firstPositions: ranges.map(\.lowerBound))
    }
}
