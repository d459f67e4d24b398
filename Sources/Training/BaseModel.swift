//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
package import LoRA
package import Tensors
package import Transformer

/// A frozen model as it lies in a Hugging Face folder, and what may be trained beside it.
package struct BaseModel: Sendable {
    /// As the user named it.
    package let folder: String
    package let weights: ModelWeights
    package let configuration: any BaseConfiguration
    /// The model as training sees it.
    package let model: any TaskModel
    /// The same where it is an encoder.
    private let encoder: SequenceClassifier?
    /// The same where it is a decoder.
    package let decoder: DecoderModel?

    /// Maps the weights of `folder` and checks that every one is a finite number.
    /// - Parameter trainPooler: The pooler belongs to the trained head; a folder without one needs that.
    /// - Throws: `TransformerError`, `TensorFileError`, naming file and tensor.
    package init(folder: String, trainPooler: Bool) throws {
        self.folder = folder
        configuration = try BaseConfigurations.read(folder: folder)
        weights = try ModelWeights(folder: folder)
        if let configuration = configuration as? DecoderConfiguration {
            let decoder = try DecoderModel(configuration: configuration, source: weights)
            (model, self.decoder, encoder) = (decoder, decoder, nil)
        } else {
            let encoder = try SequenceClassifier(
                configuration: EncoderConfiguration(folder: folder), source: weights, trainPooler: trainPooler)
            (model, decoder, self.encoder) = (encoder, nil, encoder)
        }
        try weights.requireFinite()
    }

    private var trainsPooler: Bool { encoder?.trainsPooler ?? false }

    /// SHA-256 of the weights, by which workers and adapters are held against the model.
    package var fingerprint: Digest { BaseModelFingerprint.of(weights) }

    /// Linear modules that belong to no layer: a target that matches them is refused.
    package var otherLinears: [String] {
        configuration.otherLinears(trainsPooler: trainsPooler) + [configuration.classifier.path]
    }

    /// Tokens that end a text: those that config.json names, and the tokenizer's.
    package func endTokens(_ tokenizer: Int32?) -> [Int32] {
        let named = (decoder?.configuration.endTokenIDs ?? []).map { Int32($0) }
        return named + [tokenizer].compactMap { $0 }.filter { !named.contains($0) }
    }

    /// The decoder as a language model.
    /// - Throws: `TransformerError` for a model that cannot generate.
    package func languageModel() throws(TransformerError) -> DecoderModel {
        guard let decoder else {
            throw TransformerError(
                .unsupportedModel,
                "\(folder): a model of type \"\(configuration.modelType)\" is an encoder and generates no text; "
                    + "supported for that are " + DecoderFamily.all.map(\.modelType).joined(separator: ", "))
        }
        guard decoder.hasLanguageHead else {
            throw TransformerError(
                .missingTensor,
                "\(folder): expected lm_head.weight, found none, and config.json does not tie it to the embeddings")
        }
        return decoder
    }

    /// The trainable part for a task.
    /// - Parameters:
    ///   - lora: Without target modules: those of the model's family.
    ///   - labelCount: Classes, 1 for a regression, or 0 for a language model.
    /// - Throws: `LoRAError` for settings out of range or a target module that the model lacks; `TransformerError` for a
    ///   task that the model is not made for.
    package func trainable(lora: LoRASettings, labelCount: Int, sharing: Sharing) throws -> TrainableModel {
        if labelCount == 0 {
            _ = try languageModel()
        }
        var lora = lora
        if lora.targetModules.isEmpty {
            lora.targetModules = configuration.defaultTargetModules
        }
        try lora.validate()
        let head = HeadShape(configuration: configuration, labelCount: labelCount, trainsPooler: trainsPooler)
        var initialisation = try HeadInitialisation(
            standardDeviation: Float(configuration.initializerRange), head: head, base: weights)
        if let pooler = head.pooler, let known = encoder?.pretrainedPooler {
            initialisation.known[pooler.path + ".weight"] = known.weight.values
            initialisation.known[pooler.path + ".bias"] = known.bias.values
        }
        return TrainableModel(
            lora: lora, projections: model.projections,
            targets: try TargetModules.resolve(
                lora.targetModules, in: model.projections, otherLinears: otherLinears), head: head,
            headInitialisation: initialisation, sharing: sharing)
    }
}
