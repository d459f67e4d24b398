//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors

// The families, as transformers 5.23 has their `…Model` and `…ForSequenceClassification`.
extension EncoderFamily {
    /// Devlin et al., arXiv:1810.04805.
    static let bert = postNorm(
        "bert", prefix: "bert.",
        pooler: Pooler(path: "bert.pooler.dense", activation: .tanh, module: "pooler"), classifier: "classifier")

    /// Liu et al., arXiv:1907.11692.
    static let roberta = fairseq("roberta")

    /// Conneau et al., arXiv:1911.02116: RoBERTa's encoder under RoBERTa's names.
    static let xlmRoberta = fairseq("xlm-roberta")

    /// Clark et al., arXiv:2003.10555: the discriminator, whose embeddings may be narrower than its hidden states.
    static let electra = postNorm(
        "electra", keys: ConfigurationKeys(embeddingSize: "embedding_size"), prefix: "electra.",
        embeddingProjection: "embeddings_project",
        pooler: Pooler(path: "classifier.dense", activation: .other(.gelu), module: nil),
        classifier: "classifier.out_proj")

    /// Sanh et al., arXiv:1910.01108: BERT's encoder without token types, under names of its own.
    static let distilBERT = EncoderFamily(
        modelType: "distilbert",
        configurationKeys: ConfigurationKeys(
            hiddenSize: "dim", headCount: "n_heads", layerCount: "n_layers", intermediateSize: "hidden_dim",
            activation: "activation", layerNormEpsilon: nil, tokenTypeCount: nil),
        padTokenID: 0,
        countsPositionsFromPadding: false,
        prefix: "distilbert.",
        wordEmbeddings: "embeddings.word_embeddings.weight",
        positionEmbeddings: "embeddings.position_embeddings.weight",
        tokenTypeEmbeddings: nil,
        embeddingNorm: "embeddings.LayerNorm",
        embeddingProjection: nil,
        layers: "transformer.layer.",
        projectionName: { role in
            switch role {
            case .query: "attention.q_lin"
            case .key: "attention.k_lin"
            case .value: "attention.v_lin"
            case .attentionOutput: "attention.out_lin"
            case .intermediate: "ffn.lin1"
            case .output: "ffn.lin2"
            }
        },
        attentionNorm: "sa_layer_norm",
        outputNorm: "output_layer_norm",
        pooler: Pooler(path: "pre_classifier", activation: .other(.relu), module: nil),
        classifier: "classifier",
        defaultTargetModules: ["q_lin", "v_lin"])

    /// A family with fairseq's positions and a classifier that has its dense layer inside.
    private static func fairseq(_ modelType: String) -> EncoderFamily {
        postNorm(
            modelType, padTokenID: 1, countsPositionsFromPadding: true, prefix: "roberta.",
            pooler: Pooler(path: "classifier.dense", activation: .tanh, module: nil),
            classifier: "classifier.out_proj")
    }

    /// A family with BERT's names.
    private static func postNorm(
        _ modelType: String, keys: ConfigurationKeys = ConfigurationKeys(), padTokenID: Int = 0,
        countsPositionsFromPadding: Bool = false, prefix: String, embeddingProjection: String? = nil, pooler: Pooler,
        classifier: String
    ) -> EncoderFamily {
        EncoderFamily(
            modelType: modelType,
            configurationKeys: keys,
            padTokenID: padTokenID,
            countsPositionsFromPadding: countsPositionsFromPadding,
            prefix: prefix,
            wordEmbeddings: "embeddings.word_embeddings.weight",
            positionEmbeddings: "embeddings.position_embeddings.weight",
            tokenTypeEmbeddings: "embeddings.token_type_embeddings.weight",
            embeddingNorm: "embeddings.LayerNorm",
            embeddingProjection: embeddingProjection,
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
            pooler: pooler,
            classifier: classifier,
            defaultTargetModules: ["query", "value"])
    }
}
