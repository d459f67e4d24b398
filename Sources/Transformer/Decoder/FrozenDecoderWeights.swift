//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// One projection of a decoder.
struct FrozenProjection: Sendable {
    /// W, [outputSize, inputSize].
    let weight: any FrozenWeight
    /// b, [1, outputSize]; nil: none.
    let bias: Matrix?
}

/// The frozen part of one decoder layer.
struct FrozenDecoderLayer: Sendable {
    /// By `DecoderProjection.place`.
    let projections: [FrozenProjection]
    let attentionNorm: RMSNorm
    let feedForwardNorm: RMSNorm
    /// On each head of query and key; nil in families without them.
    let headNorms: (query: RMSNorm, key: RMSNorm)?
    /// How many tokens a token looks back at most; nil: all.
    let window: Int?

    subscript(projection: DecoderProjection) -> FrozenProjection { projections[projection.place] }
}

/// The frozen part of a decoder, found in a folder's tensors.
struct FrozenDecoderWeights: Sendable {
    let embeddings: any FrozenWeight
    var layers: [FrozenDecoderLayer]
    let norm: RMSNorm
    /// What the logits are products with, [vocabulary, hidden]; nil where a folder without a language model's head ties
    /// nothing.
    var languageHead: (any FrozenWeight)?

    /// - Throws: `TransformerError`, or what the source throws of a tensor that is absent or misshapen.
    init(_ configuration: DecoderConfiguration, source: any WeightSource) throws {
        // A bare decoder's file has no prefix.
        let candidates = ["model.", ""]
        let table = "embed_tokens.weight"
        guard let prefix = candidates.first(where: { source.contains($0 + table) }) else {
            throw TransformerError(
                .missingTensor,
                "\(source.location): expected a tensor "
                    + candidates.map { "\"\($0 + table)\"" }.joined(separator: " or ")
                    + ", found neither; is it a model of type \"\(configuration.family.modelType)\"?")
        }
        let (hidden, vocabulary) = (configuration.hiddenSize, configuration.vocabularySize)
        /// Vectors are widened once and for all: they are small and every kernel reads them.
        func vector(_ name: String, _ count: Int) throws -> Matrix {
            try source.weight(prefix + name, shape: [count]).matrix(in: Workspace(blockSize: count))
        }
        func norm(_ name: String, _ count: Int) throws -> RMSNorm {
            RMSNorm(gamma: try vector(name + ".weight", count), epsilon: configuration.normEpsilon)
        }
        embeddings = try source.weight(prefix + table, shape: [vocabulary, hidden])
        let projections = configuration.projections
        layers = try (0..<configuration.layerCount).map { layer in
            let path = "layers.\(layer)."
            let attention = path + "self_attn."
            return FrozenDecoderLayer(
                projections: try DecoderProjection.allCases.map { kind in
                    let shape = projections[layer * DecoderProjection.allCases.count + kind.place]
                    let name = path + kind.rawValue
                    return FrozenProjection(
                        weight: try source.weight(
                            prefix + name + ".weight", shape: [shape.outputSize, shape.inputSize]),
                        bias: configuration.hasBias(kind) ? try vector(name + ".bias", shape.outputSize) : nil)
                },
                attentionNorm: try norm(path + "input_layernorm", hidden),
                feedForwardNorm: try norm(path + "post_attention_layernorm", hidden),
                headNorms: configuration.family.normalisesHeads
                    ? (
                        query: try norm(attention + "q_norm", configuration.headSize),
                        key: try norm(attention + "k_norm", configuration.headSize)
                    ) : nil,
                window: configuration.windows[layer])
        }
        self.norm = try norm("norm", hidden)
        if configuration.tiesEmbeddings {
            languageHead = embeddings
        } else if source.contains("lm_head.weight") {
            languageHead = try source.weight("lm_head.weight", shape: [vocabulary, hidden])
        } else {
            languageHead = nil
        }
    }
}

extension AdaptedLinear {
    /// - Parameter index: The projection's.
    init(_ frozen: FrozenProjection, index: Int, context: PassContext) {
        weight = frozen.weight
        bias = frozen.bias
        self.index = index
        branch = context.branches[index]
    }
}
