//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import LoRA
package import Transformer

/// The floating-point operations that a training step cannot do without, two a multiply-add.
///
/// Only what somebody reads is counted (`TokenReads`): of the last layer's query, attention output and feed-forward
/// block the tokens whose output is read, and in the backward pass nothing below the lowest trained branch. Products
/// are counted; element-wise kernels, embeddings, the exact sum and the optimiser are not, nor what is computed a second
/// time to save memory.
package struct NecessaryOperations: Sendable {
    /// What stands between the last layer and the loss.
    private enum Head {
        /// An encoder's dense layer on the first token, which may have a gradient of its own, and the classifier.
        case pooled(hasGradient: Bool, labelCount: Int)
        /// A linear score.
        case score(labelCount: Int)
        /// Frozen logits over the vocabulary.
        case language(vocabularySize: Int)
    }

    private let projections: [ProjectionDescription]
    private let layerCount: Int
    private let hiddenSize: Int
    /// Whether the projection with this index has a trained branch.
    private let isTrained: [Bool]
    private let adapterRank: Int
    private let head: Head
    /// Columns of embeddings that are projected to the hidden size; 0 if none are.
    private let projectedEmbeddingSize: Int
    /// How many tokens a token looks back at most, by layer, nil meaning all; nil: it looks both ways.
    private let windows: [Int?]?

    /// - Parameters:
    ///   - assignment: Which projections have a branch; all of them are taken for trained.
    ///   - adapterRank: Of all branches.
    ///   - labelCount: Rows of the classifier; 0 for a language model.
    package init(
        _ configuration: any BaseConfiguration, assignment: AdapterAssignment, adapterRank: Int, labelCount: Int
    ) {
        projections = configuration.projections
        layerCount = configuration.layerCount
        hiddenSize = configuration.hiddenSize
        isTrained = assignment.roles.map { $0 != .absent }
        self.adapterRank = adapterRank
        if let encoder = configuration as? EncoderConfiguration {
            head = .pooled(hasGradient: encoder.family.pooler.module == nil, labelCount: labelCount)
            projectedEmbeddingSize = encoder.embeddingSize == encoder.hiddenSize ? 0 : encoder.embeddingSize
        } else {
            head =
                labelCount == 0
                ? .language(vocabularySize: configuration.vocabularySize) : .score(labelCount: labelCount)
            projectedEmbeddingSize = 0
        }
        windows = (configuration as? DecoderConfiguration)?.windows
    }

    /// Those of one pass forward and backward over some examples.
    /// - Parameters:
    ///   - lengths: Of the examples, in tokens.
    ///   - completions: For a language model where each example's completion starts.
    package func count(lengths: [Int], completions: [Int] = []) -> Double {
        let reads = reads(lengths: lengths, completions: completions)
        let trained = projections.filter { isTrained[$0.index] }
        let lowest = trained.first?.layer ?? layerCount
        let tokens = reads.reduce(0) { $0 + $1.tokenCount }
        let outputs = reads.reduce(0) { $0 + $1.outputs.count }
        var total = 2 * Double(tokens * projectedEmbeddingSize * hiddenSize)
        for projection in projections {
            let isKeyOrValue = projection.role == .key || projection.role == .value
            let rows = projection.layer == layerCount - 1 && !isKeyOrValue ? outputs : tokens
            total += count(projection, rows: Double(rows), trained: trained, lowest: lowest)
        }
        for layer in 0..<layerCount {
            total += attention(layer, reads: reads, trained: trained, lowest: lowest)
        }
        return total + count(head, outputs: Double(outputs), hasTrainedLayer: lowest < layerCount)
    }

    private func reads(lengths: [Int], completions: [Int]) -> [TokenReads] {
        switch head {
        case .pooled: lengths.map { .firstToken(length: $0) }
        case .score: lengths.map { .lastToken(length: $0) }
        case .language: zip(lengths, completions).map { .completion(length: $0, first: $1) }
        }
    }

    /// A projection and its branch, both ways.
    private func count(
        _ projection: ProjectionDescription, rows: Double, trained: [ProjectionDescription], lowest: Int
    ) -> Double {
        let (input, output) = (Double(projection.inputSize), Double(projection.outputSize))
        let product = 2 * rows * input * output
        let needsInputGradient =
            projection.layer > lowest
            || projection.layer == lowest
                && trained.contains { $0.layer == lowest && $0.role.rawValue < firstOfSameInput(projection.role) }
        var total = product + (needsInputGradient ? product : 0)
        if isTrained[projection.index] {
            // z = A·x and B·z; dB, dz, dA; and dx where it is read.
            let branch = 2 * rows * Double(adapterRank)
            total += branch * (input + output) + branch * (2 * output + input)
            total += needsInputGradient ? branch * input : 0
        }
        return total
    }

    /// Scores and context of a layer, and their gradients.
    private func attention(
        _ layer: Int, reads: [TokenReads], trained: [ProjectionDescription], lowest: Int
    ) -> Double {
        let isLast = layer == layerCount - 1
        let pairs = reads.reduce(0) { $0 + $1.pairCount(isLastLayer: isLast, window: windows?[layer]) }
        // Columns of a query, of all heads: what a pair costs whether or not heads share keys.
        let columns = projections.first { $0.layer == layer && $0.role == .query }?.outputSize ?? 0
        let product = 2 * Double(pairs * columns)
        var total = 2 * product
        guard layer >= lowest else { return total }
        let roles = Set(trained.filter { $0.layer == layer }.map(\.role))
        let all = layer > lowest
        // dV; dP; dQ; dK.
        total += all || roles.contains(.value) ? product : 0
        total += all || roles.contains(.query) || roles.contains(.key) ? product : 0
        total += all || roles.contains(.query) ? product : 0
        total += all || roles.contains(.key) ? product : 0
        return total
    }

    private func count(_ head: Head, outputs: Double, hasTrainedLayer: Bool) -> Double {
        let hidden = Double(hiddenSize)
        switch head {
        case .pooled(let hasGradient, let labelCount):
            // The pooler forward, and backward to the encoder; the classifier with its gradient.
            return outputs * (4 * hidden * hidden + 6 * hidden * Double(labelCount))
                + (hasGradient ? 2 * outputs * hidden * hidden : 0)
        case .score(let labelCount):
            return outputs * (hasTrainedLayer ? 6 : 4) * hidden * Double(labelCount)
        case .language(let vocabularySize):
            return outputs * (hasTrainedLayer ? 4 : 2) * hidden * Double(vocabularySize)
        }
    }

    /// The place of the first projection that reads the same input: what must be trained below it for the gradient of
    /// that input to be read within the layer.
    private func firstOfSameInput(_ role: ProjectionRole) -> Int {
        switch role {
        case .query, .key, .value: ProjectionRole.query.rawValue
        default: role.rawValue
        }
    }
}
