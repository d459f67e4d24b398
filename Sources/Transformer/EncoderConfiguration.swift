//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Foundation
package import Tensors

/// The sizes and choices of an encoder, as a Hugging Face folder's config.json states them.
package struct EncoderConfiguration: Sendable {
    /// The family, its names and its peculiarities.
    package let family: EncoderFamily
    /// Columns of a hidden state.
    package let hiddenSize: Int
    /// Columns of an embedding; another number than `hiddenSize` where a projection follows.
    package let embeddingSize: Int
    package let headCount: Int
    package let layerCount: Int
    /// Columns between the two projections of a feed-forward block.
    package let intermediateSize: Int
    package let activation: Activation
    package let layerNormEpsilon: Float
    package let vocabularySize: Int
    /// Rows of the position table.
    package let positionRowCount: Int
    /// The longest sequence, in tokens: the position table's rows without those that the family reserves.
    package let positionCount: Int
    /// Token types; 0 in families without them.
    package let tokenTypeCount: Int
    /// Standard deviation of the normal distribution that new heads are drawn from.
    package let initializerRange: Double
    package let padTokenID: Int

    /// Columns of one attention head.
    package var headSize: Int { hiddenSize / headCount }

    /// Reads config.json.
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: Its name for errors.
    /// - Throws: `TransformerError` that names the file and the key.
    package init(json: Data, file: String) throws(TransformerError) {
        let reader = try ConfigurationReader(json: json, file: file)
        let name = try reader.string("model_type")
        guard let family = EncoderFamily.named(name) else {
            throw TransformerError(
                .unsupportedModel,
                "\(file): model_type \"\(name)\" is not supported; supported are "
                    + EncoderFamily.all.map { "\"\($0.modelType)\"" }.joined(separator: ", "))
        }
        let keys = family.configurationKeys
        self.family = family
        hiddenSize = try reader.count(keys.hiddenSize)
        headCount = try reader.count(keys.headCount)
        layerCount = try reader.count(keys.layerCount)
        intermediateSize = try reader.count(keys.intermediateSize)
        vocabularySize = try reader.count(keys.vocabularySize)
        positionRowCount = try reader.count(keys.positionCount)
        tokenTypeCount = try keys.tokenTypeCount.map(reader.count) ?? 0
        embeddingSize = try keys.embeddingSize.map(reader.count) ?? hiddenSize
        layerNormEpsilon = Float(
            try keys.layerNormEpsilon.map { key throws(TransformerError) in try reader.number(key) } ?? 1e-12)
        // Transformers writes these two only where they differ from the family's.
        initializerRange = try reader.number("initializer_range", absent: 0.02)
        padTokenID = Int(try reader.number("pad_token_id", absent: Double(family.padTokenID)))
        let reserved = family.countsPositionsFromPadding ? padTokenID + 1 : 0
        positionCount = positionRowCount - reserved
        guard !family.countsPositionsFromPadding || padTokenID >= 0, positionCount > 0 else {
            throw TransformerError(
                .badConfiguration,
                "\(file): pad_token_id is \(padTokenID), expected from 0 to \(keys.positionCount) - 2 = "
                    + "\(positionRowCount - 2), because positions start at pad_token_id + 1")
        }

        let activationName = try reader.string(keys.activation)
        guard let activation = Activation(rawValue: activationName) else {
            throw TransformerError(
                .unsupportedModel,
                "\(file): \(keys.activation) \"\(activationName)\" is not supported; supported are "
                    + Activation.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))
        }
        self.activation = activation
        guard hiddenSize % headCount == 0 else {
            throw TransformerError(
                .badConfiguration,
                "\(file): \(keys.hiddenSize) \(hiddenSize) is not a multiple of \(keys.headCount) \(headCount)")
        }
        guard layerNormEpsilon > 0, layerNormEpsilon < 1 else {
            throw TransformerError(
                .badConfiguration,
                "\(file): \(keys.layerNormEpsilon ?? "epsilon") is \(layerNormEpsilon), expected within (0, 1)")
        }
        try reader.require("position_embedding_type", toBe: "absolute")
        try reader.requireFalse("is_decoder")
        try reader.requireFalse("add_cross_attention")
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
