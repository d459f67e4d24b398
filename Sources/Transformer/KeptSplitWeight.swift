//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// A frozen weight beside what products of split floats read of it: memory for time, the same bits.
struct KeptSplitWeight: FrozenWeight {
    private let weight: any FrozenWeight
    let splitWeight: SplitWeight?

    init(_ weight: any FrozenWeight) {
        self.weight = weight
        // Halves that have to be widened are widened once as well.
        splitWeight = (weight.splitWeight ?? SplitWeight(weight.matrix(in: Workspace(blockSize: 1)))).kept()
    }

    var isInPlace: Bool { weight.isInPlace }

    func matrix(in workspace: Workspace) -> Matrix { weight.matrix(in: workspace) }

    func rows(_ range: Range<Int>, in workspace: Workspace) -> Matrix { weight.rows(range, in: workspace) }

    func gatherRows(_ ids: [Int32], into rows: Matrix, adding: Bool, workspace: Workspace) {
        weight.gatherRows(ids, into: rows, adding: adding, workspace: workspace)
    }

    func letGo() { weight.letGo() }
}

extension FrozenEncoder {
    /// The same, the layers' weights laid out for products of split floats.
    func keepingSplitWeights() -> FrozenEncoder {
        var encoder = self
        encoder.layers = layers.map { layer in
            FrozenLayer(
                projections: layer.projections.map { FrozenLinear(weight: KeptSplitWeight($0.weight), bias: $0.bias) },
                attentionNorm: layer.attentionNorm, outputNorm: layer.outputNorm)
        }
        return encoder
    }
}

extension FrozenDecoderWeights {
    /// The same, the layers' weights and the language model's head laid out for products of split floats.
    func keepingSplitWeights() -> FrozenDecoderWeights {
        var weights = self
        weights.layers = layers.map { layer in
            FrozenDecoderLayer(
                projections: layer.projections.map {
                    FrozenProjection(weight: KeptSplitWeight($0.weight), bias: $0.bias)
                },
                attentionNorm: layer.attentionNorm, feedForwardNorm: layer.feedForwardNorm,
                headNorms: layer.headNorms, window: layer.window)
        }
        weights.languageHead = languageHead.map { KeptSplitWeight($0) }
        return weights
    }
}
