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
    package let classifier: SequenceClassifier

    /// Maps the weights of `folder` and checks that every one is a finite number.
    /// - Parameter trainPooler: The pooler belongs to the trained head; a folder without one needs that.
    /// - Throws: `TransformerError`, `TensorFileError`, naming file and tensor.
    package init(folder: String, trainPooler: Bool) throws {
        self.folder = folder
        let configuration = try EncoderConfiguration(folder: folder)
        weights = try ModelWeights(folder: folder)
        classifier = try SequenceClassifier(configuration: configuration, source: weights, trainPooler: trainPooler)
        try weights.requireFinite()
    }

    package var configuration: EncoderConfiguration { classifier.configuration }

    /// SHA-256 of the weights, by which workers and adapters are held against the model.
    package var fingerprint: Digest { BaseModelFingerprint.of(weights) }

    /// Linear modules that belong to no layer: a target that matches them is refused.
    package var otherLinears: [String] {
        configuration.family.otherLinears(trainsPooler: classifier.trainsPooler) + [configuration.family.classifier]
    }

    /// The trainable part for a task.
    /// - Parameters:
    ///   - lora: Without target modules: those of the model's family.
    ///   - labelCount: Classes, or 1 for a regression.
    /// - Throws: `LoRAError` for settings out of range or a target module that the model lacks.
    package func trainable(lora: LoRASettings, labelCount: Int, sharing: Sharing) throws -> TrainableModel {
        var lora = lora
        if lora.targetModules.isEmpty {
            lora.targetModules = configuration.family.defaultTargetModules
        }
        try lora.validate()
        let head = HeadShape(
            configuration: configuration, labelCount: labelCount, trainsPooler: classifier.trainsPooler)
        var initialisation = try HeadInitialisation(
            standardDeviation: Float(configuration.initializerRange), head: head, base: weights)
        if let pooler = head.pooler, let known = classifier.pretrainedPooler {
            initialisation.known[pooler.path + ".weight"] = known.weight.values
            initialisation.known[pooler.path + ".bias"] = known.bias.values
        }
        return TrainableModel(
            lora: lora, projections: classifier.projections,
            targets: try TargetModules.resolve(
                lora.targetModules, in: classifier.projections, otherLinears: otherLinears), head: head,
            headInitialisation: initialisation, sharing: sharing)
    }
}
