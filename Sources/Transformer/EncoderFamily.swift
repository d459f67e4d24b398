//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Tensors

/// The six linear projections of an encoder layer, in the order in which backward meets them last to first.
package enum ProjectionRole: Int, CaseIterable, Sendable, Hashable {
    case query, key, value, attentionOutput, intermediate, output
}

/// What distinguishes one family of encoders from another: the names of its configuration and of its tensors, how its
/// positions count, and what stands between the first token and the classifier.
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
        /// Nil in a family whose LayerNorms all have 1e-12.
        package var layerNormEpsilon: String? = "layer_norm_eps"
        package var vocabularySize = "vocab_size"
        package var positionCount = "max_position_embeddings"
        /// Nil in a family without token types.
        package var tokenTypeCount: String? = "type_vocab_size"
        /// Nil in a family whose embeddings have the size of its hidden states.
        package var embeddingSize: String?
    }

    /// What follows the pooler's dense layer.
    package enum PoolerActivation: Sendable, Hashable {
        case tanh
        case other(Activation)
    }

    /// The dense layer between the first token and the classifier.
    ///
    /// Transformers calls it a pooler, a pre-classifier, or has it inside of a module with the classifier.
    package struct Pooler: Sendable {
        /// Its path in a model for sequence classification: "bert.pooler.dense", "classifier.dense".
        package let path: String
        package let activation: PoolerActivation
        /// What `modules_to_save` of an adapter calls it where it is to be trained ("pooler"); nil where PEFT trains and
        /// saves it with the classifier in any case: it is within that module, or its name ends like it.
        package let module: String?
    }

    /// `model_type` in config.json.
    package let modelType: String
    package let configurationKeys: ConfigurationKeys
    /// The padding token's id where config.json says none.
    package let padTokenID: Int
    /// Whether positions count from the padding token's id + 1 and leave padding out, as fairseq has them.
    package let countsPositionsFromPadding: Bool
    /// What a classification model puts before the encoder's names ("bert.").
    ///
    /// A bare encoder's file has none of it.
    package let prefix: String
    package let wordEmbeddings: String
    package let positionEmbeddings: String
    /// Nil in a family without token types.
    package let tokenTypeEmbeddings: String?
    package let embeddingNorm: String
    /// The projection of the embeddings to the hidden size, present where the two sizes differ; nil in a family
    /// without one.
    package let embeddingProjection: String?
    /// What stands before a layer's number.
    package let layers: String
    /// A projection's name within its layer.
    package let projectionName: @Sendable (ProjectionRole) -> String
    package let attentionNorm: String
    package let outputNorm: String
    package let pooler: Pooler
    /// The classifier's path in a model for sequence classification.
    package let classifier: String
    /// Where PEFT puts a LoRA unless it is told otherwise, or would, if it knew a default for the family.
    package let defaultTargetModules: [String]

    /// Every family that is supported.
    package static let all: [EncoderFamily] = [bert, roberta, xlmRoberta, distilBERT, electra]

    /// The family with this `model_type`.
    package static func named(_ modelType: String) -> EncoderFamily? {
        all.first { $0.modelType == modelType }
    }

    /// The tensor's or module's name in a file that puts `filePrefix` before the encoder's names.
    package func name(_ path: String, filePrefix: String) -> String {
        path.hasPrefix(prefix) ? filePrefix + path.dropFirst(prefix.count) : path
    }

    /// Whether the model for sequence classification has a tensor of this name, its prefix included, in its encoder or
    /// before its classifier.
    ///
    /// Files hold others too: heads of the tasks that the encoder was pre-trained on, and poolers that its classifier
    /// does not read.
    package func isInClassifier(_ name: String) -> Bool {
        (["embeddings.", layers] + [embeddingProjection].compactMap { $0 }.map { $0 + "." })
            .contains { name.hasPrefix(prefix + $0) } || name.hasPrefix(pooler.path + ".")
    }

    /// The linear modules that belong to no layer and that PEFT would put a LoRA on where a target matches them.
    /// - Parameter trainsPooler: A pooler that is trained as it is gets none.
    package func otherLinears(trainsPooler: Bool) -> [String] {
        let projection = embeddingProjection.map { [prefix + $0] } ?? []
        return projection + (trainsPooler || pooler.module == nil ? [] : [pooler.path])
    }
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
