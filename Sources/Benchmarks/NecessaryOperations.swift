//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import LoRA
package import Transformer

/// The floating-point operations that a training step cannot do without, two a multiply-add.
///
/// Only what somebody reads is counted: of the last layer's query, attention output and feed-forward block the first
/// token of each example, and in the backward pass nothing below the lowest trained branch. Products are counted;
/// element-wise kernels, embeddings, the exact sum and the optimiser are not.
package struct NecessaryOperations: Sendable {
    private let configuration: EncoderConfiguration
    /// Whether the projection with this index has a trained branch.
    private let isTrained: [Bool]
    private let adapterRank: Int
    private let labelCount: Int

    /// - Parameters:
    ///   - assignment: Which projections have a branch; all of them are taken for trained.
    ///   - adapterRank: Of all branches.
    ///   - labelCount: Rows of the classifier.
    package init(
        _ configuration: EncoderConfiguration, assignment: AdapterAssignment, adapterRank: Int, labelCount: Int
    ) {
        self.configuration = configuration
        isTrained = assignment.roles.map { $0 != .absent }
        self.adapterRank = adapterRank
        self.labelCount = labelCount
    }

    /// Those of one pass forward and backward over examples of these lengths, in tokens.
    package func count(lengths: [Int]) -> Double {
        let tokens = Double(lengths.reduce(0, +))
        let examples = Double(lengths.count)
        let hidden = Double(configuration.hiddenSize)
        let trained = configuration.projections.filter { isTrained[$0.index] }
        let lowest = trained.first?.layer ?? configuration.layerCount
        var total = 0.0
        for projection in configuration.projections {
            let isLast = projection.layer == configuration.layerCount - 1
            let isKeyOrValue = projection.role == .key || projection.role == .value
            let rows = isLast && !isKeyOrValue ? examples : tokens
            let (input, output) = (Double(projection.inputSize), Double(projection.outputSize))
            let product = 2 * rows * input * output
            let needsInputGradient =
                projection.layer > lowest
                || projection.layer == lowest
                    && trained.contains { $0.layer == lowest && $0.role.rawValue < firstOfSameInput(projection.role) }
            total += product + (needsInputGradient ? product : 0)
            if isTrained[projection.index] {
                // z = A·x and B·z; dB, dz, dA; and dx where it is read.
                let branch = 2 * rows * Double(adapterRank)
                total += branch * (input + output) + branch * (2 * output + input)
                total += needsInputGradient ? branch * input : 0
            }
        }
        for layer in 0..<configuration.layerCount {
            let isLast = layer == configuration.layerCount - 1
            let pairs = lengths.reduce(0.0) { $0 + Double($1) * (isLast ? 1 : Double($1)) }
            let product = 2 * pairs * hidden
            total += 2 * product
            guard layer >= lowest else { continue }
            let roles = Set(trained.filter { $0.layer == layer }.map(\.role))
            let all = layer > lowest
            // dV; dP; dQ; dK.
            total += all || roles.contains(.value) ? product : 0
            total += all || roles.contains(.query) || roles.contains(.key) ? product : 0
            total += all || roles.contains(.query) ? product : 0
            total += all || roles.contains(.key) ? product : 0
        }
        if configuration.embeddingSize != configuration.hiddenSize {
            total += 2 * tokens * Double(configuration.embeddingSize) * hidden
        }
        // The pooler forward, and backward to the encoder; the classifier with its gradient.
        total += examples * (4 * hidden * hidden + 6 * hidden * Double(labelCount))
        if configuration.family.pooler.module == nil {
            // A pooler that is always trained has a gradient.
            total += 2 * examples * hidden * hidden
        }
        return total
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
