//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The projections of a decoder layer; the order is that of the projections' indices.
package enum DecoderProjection: String, CaseIterable, Sendable, Hashable {
    case query = "self_attn.q_proj"
    case key = "self_attn.k_proj"
    case value = "self_attn.v_proj"
    case attentionOutput = "self_attn.o_proj"
    case gate = "mlp.gate_proj"
    case up = "mlp.up_proj"
    case down = "mlp.down_proj"

    /// The place in `allCases`.
    var place: Int {
        switch self {
        case .query: 0
        case .key: 1
        case .value: 2
        case .attentionOutput: 3
        case .gate: 4
        case .up: 5
        case .down: 6
        }
    }

    /// What it does in terms that encoders have too: both halves of a gated feed-forward are its intermediate part.
    var role: ProjectionRole {
        switch self {
        case .query: .query
        case .key: .key
        case .value: .value
        case .attentionOutput: .attentionOutput
        case .gate, .up: .intermediate
        case .down: .output
        }
    }
}

/// A family of decoders: what its config.json leaves unsaid.
///
/// All families have the same layers and the same names: RMSNorm, attention with rotary embeddings, RMSNorm, a gated
/// feed-forward with SiLU.
package struct DecoderFamily: Sendable {
    /// Which projections have a bias.
    enum Biases: Sendable {
        /// Those that `attention_bias` and `mlp_bias` say, of the keys that the family has.
        case stated(attention: Bool, feedForward: Bool)
        /// Query, key and value.
        case queryKeyValue
    }

    /// Which layers look back a limited number of tokens.
    enum Window: Sendable {
        case none
        /// All, by `sliding_window`.
        case everyLayer
        /// Those that `layer_types` lists, or those from `max_window_layers` on, if `use_sliding_window` is true.
        case listedLayers
    }

    /// `model_type` in config.json.
    package let modelType: String
    let biases: Biases
    let window: Window
    /// Whether each head of query and key goes through an RMSNorm before it is turned.
    let normalisesHeads: Bool
    /// The value of `head_dim` where config.json has none; nil: hidden size / heads.
    let headSize: Int?

    /// Every family that is supported.
    package static let all: [DecoderFamily] = [llama, mistral, qwen2, qwen3]

    /// The family with this `model_type`.
    package static func named(_ modelType: String) -> DecoderFamily? {
        all.first { $0.modelType == modelType }
    }

    /// Llama 2 and 3: arXiv:2307.09288, arXiv:2407.21783.
    static let llama = DecoderFamily(
        modelType: "llama", biases: .stated(attention: true, feedForward: true), window: .none,
        normalisesHeads: false, headSize: nil)

    /// Mistral 7B: arXiv:2310.06825.
    static let mistral = DecoderFamily(
        modelType: "mistral", biases: .stated(attention: false, feedForward: false), window: .everyLayer,
        normalisesHeads: false, headSize: nil)

    /// Qwen 2 and 2.5: arXiv:2407.10671, arXiv:2412.15115.
    static let qwen2 = DecoderFamily(
        modelType: "qwen2", biases: .queryKeyValue, window: .listedLayers, normalisesHeads: false, headSize: nil)

    /// Qwen 3: arXiv:2505.09388.
    static let qwen3 = DecoderFamily(
        modelType: "qwen3", biases: .stated(attention: true, feedForward: false), window: .listedLayers,
        normalisesHeads: true, headSize: 128)
}
