//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Datasets
import Foundation
import Inference
import RunConfiguration
import Training

/// Answers a file's rows.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Write what an adapter says of every row of a file, one JSON object a row.",
        discussion: """
            loradrop predict --model DIR --adapter DIR --file F --task.columns.text 0 --output out.jsonl

            Label and logits of a classifier; of a language model the text and the tokens that it generates after \
            task.prompt: the likeliest token each time, unless --beams, --temperature or --top-p say otherwise, and at most \
            --new-tokens of them (the configuration's generation keys).

            The file needs no labels. Its columns are given by the configuration's task keys as flags, or by --config. \
            Texts are cut, and rows grouped, as the adapter's lora_drop.json says the training did, unless \
            training.max_sequence_length and training.shard_tokens are given.
            """)

    @Option(help: ArgumentHelp("Where the predictions go, as JSONL.", valueName: "file"))
    var output: String

    @OptionGroup var arguments: AdapterArguments

    func run() throws {
        let settings = try arguments.settings(for: .prediction)
        try checkOutput()
        let model = try arguments.model(settings)
        if model.kind == .generation {
            try generate(model, settings)
            return
        }
        let examples = try arguments.rows(settings, model: model, labelled: false)
        let rows = EvaluationSet(
            examples: examples, loss: model.loss, metrics: [], positiveLabel: 0,
            shardTokens: settings.training.shardTokens)
        var passes = PassCounter()
        let predictions = try rows.predict(with: arguments.fixed(model, settings)) { passes.next() }
        try PredictionFile.write(predictions, labels: model.labels?.names, to: output)
        print("wrote \(output): \(predictions.count) rows")
    }

    private func generate(_ model: AdaptedModel, _ settings: RunSettings) throws {
        let how = try settings.generationSettings(endTokens: model.endTokens)
        let prompts = try model.prompts(
            arguments.file, options: settings.task.datasetOptions(labelled: false),
            maximumLength: settings.training.maxSequenceLength)
        var passes = PassCounter()
        let texts = try arguments.fixed(model, settings).texts(after: prompts, by: how) { passes.next() }
        try PredictionFile.write(texts, of: prompts, text: model.text(of:), to: output)
        print("wrote \(output): \(texts.count) rows")
    }

    /// Before the work, not after it: whether the output can be written at all, and is none of the inputs.
    private func checkOutput() throws {
        let target = URL(filePath: output).standardizedFileURL
        let folder = try? target.deletingLastPathComponent().resourceValues(forKeys: [.isDirectoryKey])
        guard folder?.isDirectory == true else {
            throw ValidationError("--output \(output): the folder to write to does not exist")
        }
        let input = URL(filePath: arguments.file).standardizedFileURL
        guard target.resolvingSymlinksInPath() != input.resolvingSymlinksInPath() else {
            throw ValidationError("--output \(output) is the file to be predicted; nothing was written")
        }
    }
}
