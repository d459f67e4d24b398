//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Foundation

/// What a base model's config.json tells those who do not care which kind of model it is.
package protocol BaseConfiguration: Sendable {
    /// `model_type`.
    var modelType: String { get }
    /// Columns of a hidden state.
    var hiddenSize: Int { get }
    var headCount: Int { get }
    var layerCount: Int { get }
    /// Columns within a feed-forward block.
    var intermediateSize: Int { get }
    var vocabularySize: Int { get }
    /// The longest sequence, in tokens.
    var positionCount: Int { get }
    /// Standard deviation of the normal distribution that new heads are drawn from.
    var initializerRange: Double { get }
    /// Every projection that a branch can be put on, in the order of the indices.
    var projections: [ProjectionDescription] { get }
    /// Where PEFT puts a LoRA unless it is told otherwise.
    var defaultTargetModules: [String] { get }
    /// What a model with a head puts before the bare model's names ("bert.", "model.").
    var prefix: String { get }
    /// The classifier of a model for sequence classification: its path, and whether it has a bias.
    var classifier: (path: String, hasBias: Bool) { get }

    /// The linear modules that belong to no layer and that PEFT would put a LoRA on where a target matches them.
    /// - Parameter trainsPooler: A pooler that is trained as it is gets none.
    func otherLinears(trainsPooler: Bool) -> [String]

    /// Whether a merged model has a tensor of this name, prefix included, besides a head that was trained.
    /// - Parameter generates: Whether it is a language model, else a sequence classifier.
    func isInMerged(_ name: String, generates: Bool) -> Bool

    /// A tokenizer's token types as the model reads them.
    func tokenTypes(_ tokenTypeIDs: [Int32]) -> [Int32]
}

extension EncoderConfiguration: BaseConfiguration {
    package var modelType: String { family.modelType }
    package var defaultTargetModules: [String] { family.defaultTargetModules }
    package var prefix: String { family.prefix }
    package var classifier: (path: String, hasBias: Bool) { (family.classifier, true) }

    package func otherLinears(trainsPooler: Bool) -> [String] { family.otherLinears(trainsPooler: trainsPooler) }

    package func isInMerged(_ name: String, generates: Bool) -> Bool { family.isInClassifier(name) }
}

extension DecoderConfiguration: BaseConfiguration {
    package var modelType: String { family.modelType }
    package var defaultTargetModules: [String] { ["q_proj", "v_proj"] }
    package var prefix: String { "model." }
    package var classifier: (path: String, hasBias: Bool) { ("score", false) }

    package func otherLinears(trainsPooler: Bool) -> [String] { ["lm_head", "score"] }

    package func isInMerged(_ name: String, generates: Bool) -> Bool {
        name.hasPrefix(prefix) || generates && !tiesEmbeddings && name == "lm_head.weight"
    }

    package func tokenTypes(_ tokenTypeIDs: [Int32]) -> [Int32] { tokenTypeIDs.map { _ in 0 } }
}

/// The registry of model families.
package enum BaseConfigurations {
    /// Reads the config.json of a model folder, whichever kind of model it is.
    /// - Throws: `TransformerError`.
    package static func read(folder: String) throws(TransformerError) -> any BaseConfiguration {
        let file = folder + "/config.json"
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        } catch {
            throw TransformerError(.unreadableConfiguration, "\(file): \(error.localizedDescription)")
        }
        return try read(json: bytes, file: file)
    }

    /// - Parameter file: Its name for errors.
    package static func read(json: Data, file: String) throws(TransformerError) -> any BaseConfiguration {
        let name = try ConfigurationReader(json: json, file: file).string("model_type")
        if DecoderFamily.named(name) != nil { return try DecoderConfiguration(json: json, file: file) }
        if EncoderFamily.named(name) != nil { return try EncoderConfiguration(json: json, file: file) }
        let known = EncoderFamily.all.map(\.modelType) + DecoderFamily.all.map(\.modelType)
        throw TransformerError(
            .unsupportedModel,
            "\(file): model_type \"\(name)\" is not supported; supported are "
                + known.map { "\"\($0)\"" }.joined(separator: ", "))
    }
}
