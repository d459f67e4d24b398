//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Digests
import Foundation
import LoRA
import Metrics
package import RunConfiguration
import Tokenizers
package import Training
import Transformer

/// What a coordinator prepares before it asks anybody to join: model, data, and the run's course.
package struct RunPreparation {
    package let settings: RunSettings
    package let model: BaseModel
    package let trainable: TrainableModel
    package let data: RunData
    /// Rows that were cut to the longest sequence: of the training and the validation set.
    let truncatedCounts: (train: Int, validation: Int)
    /// Of the base model; reading all of it takes a moment, so it is done once.
    let fingerprint: Digest

    /// Reads and checks everything.
    /// - Throws: The modules' errors, naming file, line, tensor or key.
    package init(_ settings: RunSettings) throws {
        self.settings = settings
        let model = try BaseModel(folder: settings.model, trainPooler: settings.modelOptions.trainPooler)
        self.model = model
        // Hashing all of the model lasts about as long as everything below.
        let fingerprint = BackgroundValue(name: "fingerprint") { model.fingerprint }
        let tokenizer = try TokenizerFolder.load(URL(fileURLWithPath: settings.model, isDirectory: true))
        let maximumLength = settings.training.maxSequenceLength
        guard maximumLength <= model.configuration.positionCount else {
            throw ClusterError(
                code: .badSetup,
                message: "training.max_sequence_length is \(maximumLength), the model has positions for "
                    + "\(model.configuration.positionCount) tokens")
        }
        guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
            throw ClusterError(
                code: .badSetup,
                message: "the tokenizer in \(settings.model) knows \(tokenizer.vocabularySize) tokens, the model "
                    + "\(model.configuration.vocabularySize): they do not belong together")
        }
        guard let trainingFile = settings.task.train else {
            throw ClusterError(code: .badSetup, message: "task.train names no training file")
        }
        let reader = DatasetReader(settings.task.datasetOptions())
        let training = try reader.read(trainingFile)
        let labels = try Self.labels(settings, training)
        let prepare = try Self.rows(settings, model, tokenizer, labels: labels)
        let train = try prepare(training)
        var validation: EvaluationSet?
        var truncatedValidation = 0
        if let file = settings.task.validation {
            let rows = try reader.read(file)
            let prepared = try prepare(rows)
            truncatedValidation = prepared.truncatedCount
            validation = EvaluationSet(
                examples: prepared.examples, loss: settings.loss, metrics: settings.metrics,
                positiveLabel: try labels?.positivePlace(named: settings.task.positiveLabel) ?? 0,
                shardTokens: settings.training.shardTokens,
                texts: try Self.texts(of: rows, settings, model, tokenizer))
        }
        data = RunData(train: train.examples, validation: validation, labels: labels?.names ?? [])
        truncatedCounts = (train.truncatedCount, truncatedValidation)
        trainable = try model.trainable(
            lora: settings.loraSettings,
            labelCount: settings.task.kind == .generation ? 0 : labels?.names.count ?? 1, sharing: settings.sharing)
        try settings.loraDropSettings.validate()
        try Self.check(settings, labels: labels, trainable: trainable)
        self.fingerprint = try fingerprint.get()
    }

    var plan: RunPlan { settings.plan }

    /// Numbers that the model says of an example: logits, or the loss of a completion.
    package var labelCount: Int { trainable.head.classifier?.outputSize ?? 1 }

    /// Writes an adapter folder as PEFT reads it, with `lora_drop.json` beside it.
    /// - Parameter decision: Nil before there is one.
    func writeAdapter(
        _ state: TrainingState, layout: ParameterLayout, decision: LayerDecision?, to folder: String
    ) throws {
        let selection = settings.loraDropSettings
        let record = LoRADropRecord(
            fingerprint: fingerprint, task: settings.task.kind.rawValue, labels: data.labels,
            seed: settings.training.seed, settings: selection, sharing: settings.sharing,
            maximumSequenceLength: settings.training.maxSequenceLength, shardTokens: settings.training.shardTokens,
            matmulPrecision: settings.training.matmulPrecision,
            decision: selection.isDecidedBySettings ? nil : decision, targets: trainable.targets, layout: layout)
        try PEFTAdapter.write(
            TrainableParameters(layout, values: state.parameters, scale: trainable.lora.scale),
            settings: trainable.lora, projections: trainable.projections, baseModel: settings.model, record: record,
            to: folder)
    }

    /// Identifies what decides the result: the configuration, the base model, and the data as the model reads it.
    var resultDigest: Digest {
        var hash = SHA256()
        hash.update(settings.resultDigest.bytes)
        hash.update(fingerprint.bytes)
        hash.update(data.labels.joined(separator: "\u{0}"))
        for examples in [data.train, data.validation?.examples ?? []] {
            hash.update([UInt64(examples.count)])
            for example in examples {
                hash.update([UInt64(example.tokenIDs.count)])
                hash.update(example.tokenIDs)
                hash.update(example.tokenTypeIDs)
                switch example.target {
                case .none: hash.update([UInt64.max])
                case .classIndex(let label): hash.update([UInt64(label)])
                case .score(let score): hash.update([UInt64(score.bitPattern)])
                case .completion(let first): hash.update([UInt64(first)])
                }
            }
        }
        for question in data.validation?.texts?.questions ?? [] {
            hash.update([UInt64(question.references.count)])
            for reference in question.references {
                hash.update([UInt64(reference.utf8.count)])
                hash.update(reference)
            }
        }
        return hash.finish()
    }

    /// What can only fail later fails now.
    private static func check(_ settings: RunSettings, labels: LabelList?, trainable: TrainableModel) throws {
        if let labels, labels.names.count != 2, let metric = settings.metrics.first(where: \.needsTwoLabels) {
            throw ClusterError(
                code: .badSetup,
                message: "task.metric \(metric.rawValue) needs two labels, there are \(labels.names.count): "
                    + "\(labels.names.prefix(8).joined(separator: ", ")); f1_macro takes any number")
        }
        let layers = Set(trainable.targets.map(\.layer)).count
        let candidates = settings.loraDropSettings.granularity == .layer ? layers : trainable.targets.count
        if let count = settings.loraDrop.keepCount, count > candidates {
            throw ClusterError(
                code: .badSetup,
                message: "lora_drop.keep_count is \(count), there are \(candidates) to choose from")
        }
    }

    /// What makes a file's rows into what the model reads.
    private static func rows(
        _ settings: RunSettings, _ model: BaseModel, _ tokenizer: any Tokenizer, labels: LabelList?
    ) throws -> (Dataset) throws -> DataPreparation.Prepared {
        if settings.task.kind == .generation {
            let preparation = try completions(settings, model, tokenizer)
            return { try preparation.tokenise($0) }
        }
        let maximumLength = settings.training.maxSequenceLength
        let configuration = model.configuration
        let preparation = DataPreparation(reader: DatasetReader(settings.task.datasetOptions())) { text, pair in
            let encoding = try tokenizer.encode(text, pair: pair, maximumLength: maximumLength)
            return (encoding.tokenIDs, configuration.tokenTypes(encoding.tokenTypeIDs), encoding.wasTruncated)
        }
        return { dataset in try preparation.tokenise(dataset, targets: targets(of: dataset, labels)) }
    }

    private static func completions(
        _ settings: RunSettings, _ model: BaseModel, _ tokenizer: any Tokenizer
    ) throws -> CompletionPreparation {
        let decoder = try model.languageModel()
        return try CompletionPreparation(
            endToken: tokenizer.endTokenID ?? decoder.configuration.endTokenIDs.first.map { Int32($0) },
            maximumLength: settings.training.maxSequenceLength
        ) { text in
            // Longer than any row: the completion is cut, not the text.
            try tokenizer.encode(text, maximumLength: DataLimits.recordByteCount).tokenIDs
        }
    }

    /// What evaluations generate; nil where no metric is of texts.
    private static func texts(
        of rows: Dataset, _ settings: RunSettings, _ model: BaseModel, _ tokenizer: any Tokenizer
    ) throws -> TextEvaluation? {
        let metrics = settings.metrics.compactMap(\.ofTexts)
        guard !metrics.isEmpty else { return nil }
        return TextEvaluation(
            questions: try completions(settings, model, tokenizer).questions(
                rows, grouped: settings.generation.groupReferences),
            metrics: metrics,
            settings: try settings.generationSettings(endTokens: model.endTokens(tokenizer.endTokenID))
        ) { tokens in
            tokenizer.decode(tokens, skippingSpecialTokens: true)
        }
    }

    /// The classes of a classification; nil for another task.
    private static func labels(_ settings: RunSettings, _ training: Dataset) throws -> LabelList? {
        guard settings.task.kind == .classification else { return nil }
        return settings.task.labels.isEmpty
            ? try LabelList(distinctIn: training) : try LabelList(settings.task.labels, source: "task.labels")
    }

    private static func targets(of dataset: Dataset, _ labels: LabelList?) throws -> [Target] {
        try labels.map { try $0.targets(of: dataset) } ?? dataset.scoreTargets()
    }
}
