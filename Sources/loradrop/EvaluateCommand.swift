//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Datasets
import Inference
import Metrics
import RunConfiguration
import Training

/// Measures an adapter on a labelled file.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure an adapter on a labelled file; prints one JSON object.",
        discussion: """
            loradrop evaluate --model DIR --adapter DIR --file F --task.columns.text 0 --task.columns.label 1 \
            --metric accuracy

            The columns are given by the configuration's task keys as flags, by --config, or by --task-name for GLUE's \
            files. With the run's own \
            validation file and settings the figures are those of the run, to the last bit.

            Of a language model the loss and the perplexity of the completions; with a metric of texts (--metric bleu, \
            chrf, rougeL, exact_match or final_number) it also generates a text after every prompt, as predict does, and \
            measures all of them. --group-references takes rows with the same prompt for the references of one text.
            """)

    @OptionGroup var arguments: AdapterArguments

    func run() throws {
        let settings = try arguments.settings(for: .evaluation)
        let model = try arguments.model(settings)
        let metrics = settings.metrics
        if let labels = model.labels, labels.names.count > 2, let metric = metrics.first(where: \.needsTwoLabels) {
            throw InferenceError(
                .badRequest,
                "\(metric.rawValue) is about one of two labels, and the adapter has \(labels.names.count): "
                    + "use f1_macro, accuracy or matthews_correlation")
        }
        let textMetrics = metrics.compactMap(\.ofTexts)
        let texts =
            textMetrics.isEmpty
            ? nil
            : try model.texts(
                arguments.file, options: settings.task.datasetOptions(),
                maximumLength: settings.training.maxSequenceLength, grouped: settings.generation.groupReferences,
                metrics: textMetrics, settings: settings.generationSettings(endTokens: model.endTokens))
        let set = EvaluationSet(
            examples: try arguments.rows(settings, model: model, labelled: true), loss: model.loss, metrics: metrics,
            positiveLabel: try model.labels?.positivePlace(named: settings.task.positiveLabel) ?? 0,
            shardTokens: settings.training.shardTokens, texts: texts)
        let fixed = arguments.fixed(model, settings)
        let began = ContinuousClock.now
        var passes = PassCounter()
        let figures = try set.figures(of: fixed) { passes.next() }
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        print(
            EvaluationReport(
                figures: figures, sampleCount: set.examples.count, seconds: seconds
            ).jsonText)
    }
}
