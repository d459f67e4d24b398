//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Transformer

/// The trained dense layers behind the encoder, as the model's names have them.
package struct HeadShape: Hashable, Sendable {
    /// One dense layer: weight [outputSize, inputSize] and, if it has one, bias [outputSize].
    package struct Dense: Hashable, Sendable {
        /// Its path in a model for sequence classification: "classifier", "bert.pooler.dense", "classifier.out_proj".
        package let path: String
        package let inputSize: Int
        package let outputSize: Int
        package let hasBias: Bool

        package init(path: String, inputSize: Int, outputSize: Int, hasBias: Bool = true) {
            self.path = path
            self.inputSize = inputSize
            self.outputSize = outputSize
            self.hasBias = hasBias
        }
    }

    /// Nil for a language model, which has no head of its own.
    package let classifier: Dense?
    /// Present where the pooler is trained and saved with the adapter.
    package let pooler: Dense?
    /// What `modules_to_save` names beside the classifier: the pooler, where PEFT does not save it with that.
    package let savedModules: [String]

    package init(classifier: Dense?, pooler: Dense?, savedModules: [String]) {
        self.classifier = classifier
        self.pooler = pooler
        self.savedModules = savedModules
    }

    /// The head of `labelCount` labels: 1 for a regression, 0 for a language model.
    /// - Parameter trainsPooler: A pooler that PEFT trains with the classifier is trained in any case.
    package init(configuration: any BaseConfiguration, labelCount: Int, trainsPooler: Bool = false) {
        let hidden = configuration.hiddenSize
        let family = (configuration as? EncoderConfiguration)?.family
        let pooler = family.flatMap { trainsPooler || $0.pooler.module == nil ? $0.pooler : nil }
        let (path, hasBias) = configuration.classifier
        self.init(
            classifier: labelCount == 0
                ? nil : Dense(path: path, inputSize: hidden, outputSize: labelCount, hasBias: hasBias),
            pooler: pooler.map { Dense(path: $0.path, inputSize: hidden, outputSize: hidden) },
            savedModules: [pooler?.module].compactMap { $0 })
    }

    /// The layers in the order of the parameter vector.
    package var layers: [Dense] { [pooler, classifier].compactMap { $0 } }
}
