//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

/// A frozen linear projection: y = x·Wᵀ + b.
struct FrozenLinear: Sendable {
    /// W, [outputSize, inputSize].
    let weight: any FrozenWeight
    /// b, [1, outputSize].
    let bias: Matrix
}

/// The frozen weights of one encoder layer.
struct FrozenLayer: Sendable {
    /// By `ProjectionRole.rawValue`.
    let projections: [FrozenLinear]
    let attentionNorm: LayerNorm
    let outputNorm: LayerNorm

    subscript(role: ProjectionRole) -> FrozenLinear { projections[role.rawValue] }
}

/// The frozen weights of an encoder, found under the family's names, with its prefix or without.
struct FrozenEncoder: Sendable {
    let wordEmbeddings: any FrozenWeight
    let positionEmbeddings: any FrozenWeight
    let tokenTypeEmbeddings: (any FrozenWeight)?
    let embeddingNorm: LayerNorm
    /// From the embeddings' size to the hidden states'; nil where they are the same.
    let embeddingProjection: FrozenLinear?
    var layers: [FrozenLayer]
    /// The dense layer before the classifier; nil if there is none in the source.
    let pooler: FrozenLinear?

    /// - Throws: `TransformerError`, or what the source throws of a tensor that is absent or misshapen.
    init(_ configuration: EncoderConfiguration, source: any WeightSource) throws {
        let family = configuration.family
        let (hidden, embedding) = (configuration.hiddenSize, configuration.embeddingSize)
        let reader = try TensorReader(source: source, family: family, epsilon: configuration.layerNormEpsilon)

        wordEmbeddings = try reader.matrix(family.wordEmbeddings, configuration.vocabularySize, embedding)
        positionEmbeddings = try reader.matrix(family.positionEmbeddings, configuration.positionRowCount, embedding)
        tokenTypeEmbeddings = try family.tokenTypeEmbeddings.map { name in
            try reader.matrix(name, configuration.tokenTypeCount, embedding)
        }
        embeddingNorm = try reader.layerNorm(family.embeddingNorm, size: embedding)
        embeddingProjection =
            embedding == hidden
            ? nil : try family.embeddingProjection.map { try reader.linear($0, input: embedding, output: hidden) }
        let projections = configuration.projections
        layers = try (0..<configuration.layerCount).map { layer in
            let path = "\(family.layers)\(layer)."
            return FrozenLayer(
                projections: try projections.filter { $0.layer == layer }.map { projection in
                    try reader.linear(
                        path + projection.name, input: projection.inputSize, output: projection.outputSize)
                },
                attentionNorm: try reader.layerNorm(path + family.attentionNorm, size: hidden),
                outputNorm: try reader.layerNorm(path + family.outputNorm, size: hidden))
        }
        pooler = try reader.outerLinear(family.pooler.path, size: hidden)
    }
}

/// Finds tensors by the family's names, whichever prefix the source has.
private struct TensorReader {
    let source: any WeightSource
    let family: EncoderFamily
    let prefix: String
    let epsilon: Float

    init(source: any WeightSource, family: EncoderFamily, epsilon: Float) throws {
        self.source = source
        self.family = family
        self.epsilon = epsilon
        let candidates = [family.prefix, ""]
        guard let prefix = candidates.first(where: { source.contains($0 + family.wordEmbeddings) }) else {
            throw TransformerError(
                .missingTensor,
                "\(source.location): expected a tensor "
                    + candidates.map { "\"\($0 + family.wordEmbeddings)\"" }.joined(separator: " or ")
                    + ", found neither; is it a model of type \"\(family.modelType)\"?")
        }
        self.prefix = prefix
    }

    func contains(_ name: String) -> Bool {
        source.contains(prefix + name)
    }

    func matrix(_ name: String, _ rows: Int, _ columns: Int) throws -> any FrozenWeight {
        try source.weight(prefix + name, shape: [rows, columns])
    }

    func linear(_ name: String, input: Int, output: Int) throws -> FrozenLinear {
        FrozenLinear(
            weight: try matrix(name + ".weight", output, input), bias: try vector(name + ".bias", output))
    }

    /// A square dense layer by its path in a model for sequence classification; nil if there is none.
    func outerLinear(_ path: String, size: Int) throws -> FrozenLinear? {
        let name = family.name(path, filePrefix: prefix)
        guard source.contains(name + ".weight") else { return nil }
        return FrozenLinear(
            weight: try source.weight(name + ".weight", shape: [size, size]),
            bias: try widened(name + ".bias", size))
    }

    func layerNorm(_ name: String, size: Int) throws -> LayerNorm {
        // Checkpoints converted from TensorFlow, the original BERT among them, call the two "gamma" and "beta".
        let isOld = contains(name + ".gamma")
        return LayerNorm(
            gamma: try vector(name + (isOld ? ".gamma" : ".weight"), size),
            beta: try vector(name + (isOld ? ".beta" : ".bias"), size), epsilon: epsilon)
    }

    /// Vectors are widened once and for all: they are small and every kernel reads them.
    private func vector(_ name: String, _ count: Int) throws -> Matrix {
        try widened(prefix + name, count)
    }

    private func widened(_ fullName: String, _ count: Int) throws -> Matrix {
        try source.weight(fullName, shape: [count]).matrix(in: Workspace(blockSize: count))
    }
}
