//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Randomness
package import Tensors

/// A LoRA beside one projection: y += scale·(x·Aᵀ)·Bᵀ, as views of whoever owns the numbers.
///
/// Several projections may share one branch; their gradients then add up. Layout and scale are PEFT's.
/// Source: Hu et al., arXiv:2106.09685, §4.1.
package struct LowRankBranch: Sendable {
    /// A, [adapterRank, inputSize].
    package let down: Matrix
    /// B, [outputSize, adapterRank].
    package let up: Matrix
    /// Where the gradient of A is added; nil: A is frozen.
    package let downGradient: Matrix?
    /// Where the gradient of B is added; nil: B is frozen.
    package let upGradient: Matrix?
    /// alpha / adapterRank.
    package let scale: Float

    package init(down: Matrix, up: Matrix, downGradient: Matrix? = nil, upGradient: Matrix? = nil, scale: Float) {
        precondition(
            down.rowCount == up.columnCount,
            "A [\(down.rowCount), \(down.columnCount)] with B "
                + "[\(up.rowCount), \(up.columnCount)]")
        self.down = down
        self.up = up
        self.downGradient = downGradient
        self.upGradient = upGradient
        self.scale = scale
    }

    /// Whether backward has something to do for it.
    package var isTrained: Bool { downGradient != nil || upGradient != nil }
}

/// Dropout on the input of the branches only, as PEFT's `lora_dropout`.
package struct InputDropout: Sendable {
    /// Chance of an element being dropped, in [0, 1).
    package let probability: Float
    /// The draws for the projection with this index.
    package let stream: @Sendable (Int) -> RandomStream
    /// The step, as it enters the draws.
    package let step: UInt32

    package init(probability: Float, step: UInt32, stream: @escaping @Sendable (Int) -> RandomStream) {
        self.probability = probability
        self.step = step
        self.stream = stream
    }

    func mask(for projection: Int) -> DropoutMask {
        DropoutMask(probability: probability, stream: stream(projection), step: step)
    }
}

/// A trained dense layer, as views of whoever owns the numbers.
package struct DenseParameters: Sendable {
    /// [outputSize, inputSize].
    package let weight: Matrix
    /// [1, outputSize]; nil: none.
    package let bias: Matrix?
    /// Where the gradient is added; nil: frozen.
    package let weightGradient: Matrix?
    /// Where the gradient is added; nil: frozen.
    package let biasGradient: Matrix?

    package init(weight: Matrix, bias: Matrix?, weightGradient: Matrix? = nil, biasGradient: Matrix? = nil) {
        self.weight = weight
        self.bias = bias
        self.weightGradient = weightGradient
        self.biasGradient = biasGradient
    }

    var isTrained: Bool { weightGradient != nil || biasGradient != nil }

    /// Adds to the gradients what follows from that of the output.
    /// - Parameters:
    ///   - outputGradient: [rows, outputSize].
    ///   - input: [rows, inputSize].
    func addGradients(outputGradient: Matrix, input: Matrix) {
        weightGradient?.setProduct(transposed: outputGradient, input, adding: true)
        biasGradient?.addColumnSums(of: outputGradient)
    }
}

/// The task head: a classifier on the pooled first token, and the pooler where that is trained too.
package struct HeadParameters: Sendable {
    /// Weight [labels, hidden], bias [1, labels], which a decoder's has not; nil for a language model.
    package let classifier: DenseParameters?
    /// Weight [hidden, hidden], bias [1, hidden]; present exactly if the model's `trainsPooler` is true.
    package let pooler: DenseParameters?

    package init(classifier: DenseParameters?, pooler: DenseParameters? = nil) {
        self.classifier = classifier
        self.pooler = pooler
    }
}
