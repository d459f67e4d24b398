//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
import Foundation
package import Generation
import JSONText
package import LoRA
package import Metrics
package import Tensors
import Tokenizers
package import Training
import Transformer

/// A base model with an adapter: what answers texts.
package struct AdaptedModel: Sendable {
    package let base: BaseModel
    package let adapter: PEFTAdapter
    package let kind: TaskKind
    /// The classes in the order of the logits; nil where the task has none.
    package let labels: LabelList?
    private let tokenizer: any Tokenizer

    /// What the caller says of the adapter's task; an adapter with `lora_drop.json` knows it by itself.
    package struct TaskRequest: Sendable {
        package var kind: TaskKind
        /// The classes in the order of the logits; empty: those that the adapter or the base model names.
        package var labels: [String]

        package init(kind: TaskKind, labels: [String]) {
            self.kind = kind
            self.labels = labels
        }
    }

    /// Reads the base model in `modelFolder` and the adapter for it.
    /// - Throws: `InferenceError`, or what the folders' readers throw: file, tensor or key, expected and found.
    package init(modelFolder: String, adapterFolder: String, task: TaskRequest) throws {
        // The adapter says whether the model is to be made with a pooler of the head's, so it is read first.
        let weights = try ModelWeights(folder: modelFolder)
        let adapter = try PEFTAdapter(
            folder: adapterFolder, configuration: BaseConfigurations.read(folder: modelFolder)
        ) { BaseModelFingerprint.of(weights) }
        kind = try Self.kind(of: adapter, asked: task.kind)
        labels =
            kind == .classification ? try Self.labels(of: adapter, asked: task.labels, modelFolder: modelFolder) : nil
        base = try BaseModel(folder: modelFolder, trainPooler: adapter.trainsPooler)
        self.adapter = adapter
        tokenizer = try TokenizerFolder.load(URL(fileURLWithPath: modelFolder, isDirectory: true))
        guard tokenizer.vocabularySize <= base.configuration.vocabularySize else {
            throw InferenceError(
                .mismatch,
                "the tokenizer in \(modelFolder) knows \(tokenizer.vocabularySize) tokens, the model "
                    + "\(base.configuration.vocabularySize): they do not belong together")
        }
    }

    /// The loss that an evaluation reports.
    package var loss: Loss {
        switch kind {
        case .classification: .crossEntropy
        case .regression: .squaredError
        case .generation: .completion
        }
    }

    /// The model in a form that computes, with `slots` threads; the result does not depend on their number.
    /// - Parameter precision: Of the products with frozen weights; a run's own answers have the run's.
    package func fixed(slots: Int, precision: MatmulPrecision = .highest) -> FixedModel {
        FixedModel(
            model: base.model.computing(at: precision, keepingSplitWeights: false), parameters: adapter.parameters,
            slots: slots)
    }

    /// Reads a file and tokenises its rows.
    /// - Parameters:
    ///   - options: With a label column where the rows are to have targets.
    ///   - maximumLength: Tokens of a row, special tokens included; longer rows are cut.
    package func prepare(
        _ file: String, options: DatasetOptions, maximumLength: Int
    ) throws -> DataPreparation.Prepared {
        guard maximumLength <= base.configuration.positionCount else {
            throw InferenceError(
                .badRequest,
                "training.max_sequence_length is \(maximumLength), the model has positions for "
                    + "\(base.configuration.positionCount) tokens")
        }
        var options = options
        options.kind = kind
        if kind == .generation {
            return try completions(maximumLength: maximumLength).tokenise(DatasetReader(options).read(file))
        }
        let (tokenizer, configuration) = (tokenizer, base.configuration)
        let preparation = DataPreparation(reader: DatasetReader(options)) { text, pair in
            let encoding = try tokenizer.encode(text, pair: pair, maximumLength: maximumLength)
            return (encoding.tokenIDs, configuration.tokenTypes(encoding.tokenTypeIDs), encoding.wasTruncated)
        }
        let dataset = try preparation.reader.read(file)
        let targets = try labels.map { try $0.targets(of: dataset) } ?? dataset.scoreTargets()
        return try preparation.tokenise(dataset, targets: targets)
    }

    private func completions(maximumLength: Int) throws -> CompletionPreparation {
        let tokenizer = tokenizer
        return try CompletionPreparation(
            endToken: tokenizer.endTokenID ?? base.languageModel().configuration.endTokenIDs.first.map { Int32($0) },
            maximumLength: maximumLength
        ) { text in
            try tokenizer.encode(text, maximumLength: DataLimits.recordByteCount).tokenIDs
        }
    }

    /// A file's prompts, in file order.
    /// - Parameters:
    ///   - options: Without a completion.
    ///   - maximumLength: Tokens of a prompt; a longer one is refused.
    package func prompts(_ file: String, options: DatasetOptions, maximumLength: Int) throws -> [Prompt] {
        let dataset = try DatasetReader(options).read(file)
        let tokens = try completions(maximumLength: maximumLength).prompts(dataset)
        return zip(dataset.examples, tokens).map { Prompt(index: $0.index, tokenIDs: $1) }
    }

    /// What texts are to be generated of a file's rows, and the completions that they are held against.
    /// - Parameters:
    ///   - options: With a completion.
    ///   - maximumLength: Tokens of a prompt; a longer one is refused.
    ///   - grouped: Whether rows with the same prompt are references of one text.
    ///   - settings: How they are generated.
    package func texts(
        _ file: String, options: DatasetOptions, maximumLength: Int, grouped: Bool, metrics: [TextMetric],
        settings: GenerationSettings
    ) throws -> TextEvaluation {
        TextEvaluation(
            questions: try completions(maximumLength: maximumLength).questions(
                DatasetReader(options).read(file), grouped: grouped),
            metrics: metrics, settings: settings
        ) { [tokenizer] tokens in
            tokenizer.decode(tokens, skippingSpecialTokens: true)
        }
    }

    /// Tokens that end a text, as config.json and the tokenizer name them.
    package var endTokens: [Int32] {
        base.endTokens(tokenizer.endTokenID)
    }

    /// The text of generated tokens, without special ones.
    package func text(of tokens: [Int32]) -> String {
        tokenizer.decode(tokens, skippingSpecialTokens: true)
    }

    private static func kind(of adapter: PEFTAdapter, asked: TaskKind) throws(InferenceError) -> TaskKind {
        // A classifier with a single output is a regression, as in transformers; a language model has no head.
        let kind: TaskKind =
            switch adapter.labelCount {
            case 0: .generation
            case 1: .regression
            default: .classification
            }
        guard kind == asked else {
            guard adapter.labelCount > 0 else {
                throw InferenceError(
                    .badRequest,
                    "\(adapter.folder): the adapter is a language model's, but task.type says \(asked.rawValue), "
                        + "expected generation")
            }
            throw InferenceError(
                .badRequest,
                "\(adapter.folder): the adapter's head has \(adapter.labelCount) "
                    + (adapter.labelCount == 1 ? "output" : "outputs")
                    + ", that of a \(kind.rawValue), but task.type says \(asked.rawValue)")
        }
        return kind
    }

    /// The adapter's own labels, else those that were asked for, else those of the base model.
    private static func labels(
        of adapter: PEFTAdapter, asked: [String], modelFolder: String
    ) throws -> LabelList {
        if let known = adapter.record?.labels {
            guard asked.isEmpty || asked == known else {
                throw InferenceError(
                    .badRequest,
                    "\(adapter.folder): the adapter's labels are \(known.joined(separator: ", ")), but task.labels "
                        + "says \(asked.joined(separator: ", ")); leave task.labels out")
            }
            return try LabelList(known, source: "\(adapter.folder)/\(LoRADropRecord.fileName)")
        }
        let count = adapter.labelCount
        if !asked.isEmpty {
            guard asked.count == count else {
                throw InferenceError(
                    .badRequest,
                    "task.labels names \(asked.count) labels, but the adapter's classifier has \(count) outputs")
            }
            return try LabelList(asked, source: "task.labels")
        }
        let file = try ConfigurationFile(path: modelFolder + "/config.json")
        let named = (0..<count).compactMap { file["id2label"]?[String($0)]?.string }
        guard named.count == count, file["id2label"]?.members?.count == count else {
            throw InferenceError(
                .badRequest,
                "\(adapter.folder) names no labels (there is no \(LoRADropRecord.fileName)), and neither does "
                    + "id2label of \(file.path) name \(count); give task.labels in the order of the logits")
        }
        return try LabelList(named, source: "\(file.path): id2label")
    }
}
