//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Foundation

/// The shape of a decoder, read from its folder's config.json.
package struct DecoderConfiguration: Sendable {
    /// The family and its peculiarities.
    package let family: DecoderFamily
    /// Columns of a hidden state.
    package let hiddenSize: Int
    package let headCount: Int
    /// Heads of key and value; each is read by headCount / keyHeadCount heads of the query.
    package let keyHeadCount: Int
    /// Columns of one head; heads · this need not be the hidden size.
    package let headSize: Int
    package let layerCount: Int
    /// Columns between the gate and the way down of a feed-forward block.
    package let intermediateSize: Int
    package let normEpsilon: Float
    package let vocabularySize: Int
    package let rotary: RotaryScaling
    /// How many tokens a token looks back at most, itself among them, by layer; nil: all.
    package let windows: [Int?]
    let attentionHasBias: Bool
    let attentionOutputHasBias: Bool
    let feedForwardHasBias: Bool
    /// Whether the logits are products with the token embeddings.
    package let tiesEmbeddings: Bool
    /// Standard deviation of the normal distribution that new heads are drawn from.
    package let initializerRange: Double
    /// Tokens that end a text; a tokenizer or a generation's options may know more.
    package let endTokenIDs: [Int]

    /// Longest sequence, in tokens.
    package var positionCount: Int { rotary.longestSequence }

    /// Reads config.json.
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: Its name for errors.
    /// - Throws: `TransformerError` that names the file and the key.
    package init(json: Data, file: String) throws(TransformerError) {
        let reader = try ConfigurationReader(json: json, file: file)
        let name = try reader.string("model_type")
        guard let family = DecoderFamily.named(name) else {
            throw TransformerError(
                .unsupportedModel,
                "\(file): model_type \"\(name)\" is no decoder that is supported; supported are "
                    + DecoderFamily.all.map { "\"\($0.modelType)\"" }.joined(separator: ", "))
        }
        self.family = family
        hiddenSize = try reader.count("hidden_size")
        headCount = try reader.count("num_attention_heads")
        keyHeadCount = try reader.count("num_key_value_heads", absent: headCount)
        layerCount = try reader.count("num_hidden_layers")
        intermediateSize = try reader.count("intermediate_size")
        vocabularySize = try reader.count("vocab_size")
        headSize = try reader.count("head_dim", absent: family.headSize ?? hiddenSize / headCount)
        normEpsilon = Float(try reader.number("rms_norm_eps", absent: 1e-6))
        rotary = try RotaryScaling(reader, positionCount: try reader.count("max_position_embeddings"))
        tiesEmbeddings = try reader.truth("tie_word_embeddings", absent: false)
        initializerRange = try reader.number("initializer_range", absent: 0.02)
        endTokenIDs = try reader.integers("eos_token_id")
        windows = try Self.windows(reader, family, layerCount: layerCount)
        switch family.biases {
        case .queryKeyValue:
            (attentionHasBias, attentionOutputHasBias, feedForwardHasBias) = (true, false, false)
        case .stated(let attention, let feedForward):
            attentionHasBias = attention ? try reader.truth("attention_bias", absent: false) : false
            attentionOutputHasBias = attentionHasBias
            feedForwardHasBias = feedForward ? try reader.truth("mlp_bias", absent: false) : false
        }
        try check(reader)
    }

    private func check(_ reader: ConfigurationReader) throws(TransformerError) {
        let file = reader.file
        guard headCount % keyHeadCount == 0 else {
            throw TransformerError(
                .badConfiguration,
                "\(file): num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(keyHeadCount)")
        }
        guard headSize % 2 == 0, headSize > 2 else {
            throw TransformerError(
                .badConfiguration, "\(file): a head has \(headSize) columns, expected an even number above 2")
        }
        guard normEpsilon > 0, normEpsilon < 1 else {
            throw TransformerError(
                .badConfiguration, "\(file): rms_norm_eps is \(normEpsilon), expected within (0, 1)")
        }
        try reader.require("hidden_act", toBe: "silu")
    }

    private static func windows(
        _ reader: ConfigurationReader, _ family: DecoderFamily, layerCount: Int
    ) throws(TransformerError) -> [Int?] {
        let none = [Int?](repeating: nil, count: layerCount)
        let isUsed =
            switch family.window {
            case .none: false
            case .everyLayer: !reader.isNull("sliding_window")
            case .listedLayers:
                try reader.truth("use_sliding_window", absent: false) && !reader.isNull("sliding_window")
            }
        guard isUsed else { return none }
        // 4096 is the families' own default, which transformers takes where the key is absent.
        let window = try reader.count("sliding_window", absent: 4096)
        if family.window == .everyLayer {
            return none.map { _ in window }
        }
        if let types = try reader.strings("layer_types") {
            guard
                types.count == layerCount, types.allSatisfy({ ["sliding_attention", "full_attention"].contains($0) })
            else {
                throw TransformerError(
                    .badConfiguration,
                    "\(reader.file): layer_types has \(types.count) entries, expected \(layerCount), each "
                        + "\"sliding_attention\" or \"full_attention\"")
            }
            return types.map { $0 == "sliding_attention" ? window : nil }
        }
        let first = reader.has("max_window_layers") ? Int(try reader.number("max_window_layers")) : 28
        return (0..<layerCount).map { $0 >= first ? window : nil }
    }

    /// Reads the config.json of a model folder.
    /// - Throws: `TransformerError`.
    package init(folder: String) throws(TransformerError) {
        let file = folder + "/config.json"
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        } catch {
            throw TransformerError(.unreadableConfiguration, "\(file): \(error.localizedDescription)")
        }
        try self.init(json: bytes, file: file)
    }
}

extension DecoderConfiguration {
    /// Columns of a query, of all heads.
    var querySize: Int { headCount * headSize }

    /// Columns of a key or a value, of all heads.
    var keySize: Int { keyHeadCount * headSize }

    func hasBias(_ projection: DecoderProjection) -> Bool {
        switch projection {
        case .query, .key, .value: attentionHasBias
        case .attentionOutput: attentionOutputHasBias
        case .gate, .up, .down: feedForwardHasBias
        }
    }

    /// All projections, layer by layer, in the order of `DecoderProjection`.
    package var projections: [ProjectionDescription] {
        (0..<layerCount).flatMap { layer in
            DecoderProjection.allCases.map { projection in
                let (input, output) =
                    switch projection {
                    case .query: (hiddenSize, querySize)
                    case .key, .value: (hiddenSize, keySize)
                    case .attentionOutput: (querySize, hiddenSize)
                    case .gate, .up: (hiddenSize, intermediateSize)
                    case .down: (intermediateSize, hiddenSize)
                    }
                return ProjectionDescription(
                    index: layer * DecoderProjection.allCases.count + projection.place, layer: layer,
                    role: projection.role, name: projection.rawValue,
                    path: "model.layers.\(layer).\(projection.rawValue)", inputSize: input, outputSize: output)
            }
        }
    }
}
