//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The six linear projections of an encoder layer, in the order in which backward meets them last to first.
package enum ProjectionRole: Int, CaseIterable, Sendable, Hashable {
    case query, key, value, attentionOutput, intermediate, output
}

/// What distinguishes one family of encoders from another: the names of its configuration and of its tensors.
///
/// The arithmetic is the same for all.
///
/// A new family is a new value in `all`.
package struct EncoderFamily: Sendable {
    /// The keys of config.json.
    package struct ConfigurationKeys: Sendable {
        package var hiddenSize = "hidden_size"
        package var headCount = "num_attention_heads"
        package var layerCount = "num_hidden_layers"
        package var intermediateSize = "intermediate_size"
        package var activation = "hidden_act"
        package var layerNormEpsilon = "layer_norm_eps"
        package var vocabularySize = "vocab_size"
        package var positionCount = "max_position_embeddings"
        /// Nil in a family without token types.
        package var tokenTypeCount: String? = "type_vocab_size"
    }

    /// `model_type` in config.json.
    package let modelType: String
    package let configurationKeys: ConfigurationKeys
    /// What a classification model puts before the encoder's names ("bert.").
    ///
    /// A bare encoder's file has none of it.
    package let prefix: String
    package let wordEmbeddings: String
    package let positionEmbeddings: String
    /// Nil in a family without token types.
    package let tokenTypeEmbeddings: String?
    package let embeddingNorm: String
    /// What stands before a layer's number.
    package let layers: String
    /// A projection's name within its layer.
    package let projectionName: @Sendable (ProjectionRole) -> String
    package let attentionNorm: String
    package let outputNorm: String
    /// The dense layer with a tanh between the first token and the classifier.
    package let pooler: String
    /// The classifier's name in a model for sequence classification, without the prefix.
    package let classifier: String

    /// Every family that is supported.
    package static let all: [EncoderFamily] = [bert]

    /// The family with this `model_type`.
    package static func named(_ modelType: String) -> EncoderFamily? {
        all.first { $0.modelType == modelType }
    }

    /// Devlin et al., arXiv:1810.04805, as transformers' BertModel and BertForSequenceClassification have it.
    static let bert = EncoderFamily(
        modelType: "bert",
        configurationKeys: ConfigurationKeys(),
        prefix: "bert.",
        wordEmbeddings: "embeddings.word_embeddings.weight",
        positionEmbeddings: "embeddings.position_embeddings.weight",
        tokenTypeEmbeddings: "embeddings.token_type_embeddings.weight",
        embeddingNorm: "embeddings.LayerNorm",
        layers: "encoder.layer.",
        projectionName: { role in
            switch role {
            case .query: "attention.self.query"
            case .key: "attention.self.key"
            case .value: "attention.self.value"
            case .attentionOutput: "attention.output.dense"
            case .intermediate: "intermediate.dense"
            case .output: "output.dense"
            }
        },
        attentionNorm: "attention.output.LayerNorm",
        outputNorm: "output.LayerNorm",
        pooler: "pooler.dense",
        classifier: "classifier")
}

/// One linear projection that a LoRA can be put on.
package struct ProjectionDescription: Hashable, Sendable {
    /// The place in `SequenceClassifier.projections`; branches are indexed by it.
    package let index: Int
    /// The layer's number, from 0.
    package let layer: Int
    package let role: ProjectionRole
    /// The name within the layer: "attention.self.query".
    package let name: String
    /// The name within a model for sequence classification: "bert.encoder.layer.0.attention.self.query".
    package let path: String
    package let inputSize: Int
    package let outputSize: Int
}

extension EncoderConfiguration {
    /// All projections, layer by layer, in the order of `ProjectionRole`.
    package var projections: [ProjectionDescription] {
        let family = family
        return (0..<layerCount).flatMap { layer in
            ProjectionRole.allCases.map { role in
                let name = family.projectionName(role)
                return ProjectionDescription(
                    index: layer * ProjectionRole.allCases.count + role.rawValue, layer: layer, role: role,
                    name: name, path: "\(family.prefix)\(family.layers)\(layer).\(name)",
                    inputSize: role == .output ? intermediateSize : hiddenSize,
                    outputSize: role == .intermediate ? intermediateSize : hiddenSize)
            }
        }
    }
}
