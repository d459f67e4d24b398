//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import LoRA
import Metrics
import RunConfiguration
import Testing
import Training

/// The least that a training needs.
let minimal = """
    model: models/m
    task: { train: train.tsv, columns: { text: 3, label: 1 } }
    output_dir: runs/x

    """

/// Expects an error of a code whose description holds all of the given parts.
func expectError(
    _ code: ConfigurationError.Code, _ parts: String..., yaml: String? = minimal, flags: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    do {
        _ = try RunSettings.parse(yaml, path: "run.yaml", flags: flags)
        Issue.record("expected \(code)", sourceLocation: sourceLocation)
    } catch {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        for part in parts {
            #expect(error.description.contains(part), "\(error) lacks \(part)", sourceLocation: sourceLocation)
        }
    }
}

@Suite("Loading a configuration")
struct LoadTests {
    @Test("defaults count only where neither the file nor a flag has the key")
    func defaults() throws {
        let defaults = ["--training.shard-tokens=48", "--task.type=regression", "--training.seed=9"]
        let settings = try RunSettings.parse(
            minimal + "training: { seed: 3 }\n", path: "run.yaml", flags: ["--training.shard-tokens", "64"],
            defaults: defaults)
        #expect(settings.training.shardTokens == 64)
        #expect(settings.training.seed == 3)
        #expect(settings.task.kind == .regression)
        #expect(settings.training.maxSequenceLength == RunSettings().training.maxSequenceLength)
    }

    @Test("the documented example is read as it is meant")
    func example() throws {
        let settings = try RunSettings.parse(
            """
            model: models/all-MiniLM-L6-v2
            task:
              type: classification              # or regression
              train: train.tsv
              validation: dev.tsv
              header: false
              columns: { text: 3, label: 1 }    # names where there is a header, else 0-based numbers
              labels: []
              metric: matthews_correlation
            lora: { rank: 4, alpha: 16, dropout: 0.0, target_modules: [query, value] }
            lora_drop: { sample_ratio: 0.1, threshold: 0.9, probe_epochs: 3, granularity: layer, score: output, share: true }
            training: { epochs: 3, batch_size: 32, shard_tokens: 96, learning_rate: 1.0e-3, warmup_ratio: 0.06, seed: 7 }
            output_dir: runs/cola
            """, path: "run.yaml")
        #expect(settings.model == "models/all-MiniLM-L6-v2")
        #expect(settings.task.metric == .matthewsCorrelation && settings.task.labels.isEmpty)
        #expect(settings.lora.adapterRank == 4 && settings.lora.targetModules == ["query", "value"])
        #expect(settings.loraDrop.share == .trained && settings.training.learningRate == 0.001)
        #expect(settings.training.seed == 7 && settings.outputDirectory == "runs/cola")
        let options = settings.task.datasetOptions()
        #expect(options.columns.text == TextTemplate(ColumnSelector(3)) && options.columns.label == ColumnSelector(1))
        #expect(!options.header && options.format == nil && options.kind == .classification)
        #expect(settings.task.datasetOptions(labelled: false).columns.label == nil)
    }

    @Test("flags win over the file, in both spellings, with and without equals sign; of two the last counts")
    func flags() throws {
        let settings = try RunSettings.parse(
            minimal, path: "run.yaml",
            flags: [
                "--lora-drop.threshold", "0.5", "--training.max_steps=20", "--output-dir", "runs/y", "--workers", "3",
                "--lora.target-modules", "query, key", "--task.labels=[\"no, not\", yes]",
                "--training.load-best-at-end",
                "--task.validation", "dev.tsv", "--training.seed=1", "--training.seed=18446744073709551615",
                "--lora-drop.keep-layers", "0,2", "--cluster.advertise", "null", "--resume", "false",
            ])
        #expect(settings.loraDrop.threshold == 0.5 && settings.training.maxSteps == 20)
        #expect(settings.outputDirectory == "runs/y" && settings.cluster.workers == 3)
        #expect(settings.lora.targetModules == ["query", "key"] && settings.task.labels == ["no, not", "yes"])
        #expect(settings.training.loadBestAtEnd && settings.training.seed == .max)
        #expect(settings.loraDrop.keepLayers == [0, 2] && settings.cluster.advertise == nil && !settings.resume)
    }

    @Test("flags alone are enough, and evaluation and prediction need fewer keys")
    func purposes() throws {
        let flags = ["--model", "m", "--task.columns.text", "0"]
        #expect(try RunSettings.load(file: nil, flags: flags, for: .prediction).task.textColumn == "0")
        #expect(throws: ConfigurationError.self) { try RunSettings.load(file: nil, flags: flags, for: .evaluation) }
        let labelled = flags + ["--task.columns.label", "1", "--metric", "f1"]
        #expect(try RunSettings.load(file: nil, flags: labelled, for: .evaluation).task.metric == .f1)
        expectError(.missing, "output_dir", "task.train", "--task.train", yaml: nil, flags: labelled)
    }

    @Test("booleans choose what is shared, names do too, hyphens and underscores are the same")
    func choices() throws {
        func settings(_ flags: String...) throws -> RunSettings {
            try RunSettings.parse(minimal, path: "run.yaml", flags: flags)
        }
        #expect(try settings("--lora-drop.share", "false").loraDrop.share == .absent)
        #expect(try settings("--lora-drop.share", "frozen").loraDrop.share == .frozen)
        #expect(try settings("--lora-drop.score", "weight_norm").loraDrop.score == .weightNorm)
        #expect(try settings("--metric", "spearman", "--task.type", "regression").task.metric == .spearmanr)
        #expect(try settings("--task.quoting", "true").task.quoting == true)
        #expect(try settings("--task.quoting", "auto").task.quoting == nil)
        #expect(try settings("--training.evaluation-strategy", "no").training.evaluationStrategy == .never)
    }

    @Test("an unknown key is an error with its place and the nearest key")
    func unknownKeys() {
        expectError(
            .unknownKey, "run.yaml:5:3:", "lora_drop.treshold", "lora_drop.threshold?",
            yaml: minimal + "lora_drop:\n  treshold: 0.5\n")
        expectError(.unknownKey, "lora.rank?", yaml: minimal + "rank: 8\n")
        expectError(.unknownKey, "training.epochs?", yaml: minimal + "training: { num_train_epochs: 3 }\n")
        expectError(.unknownKey, "output_dir?", yaml: minimal + "output-dirr: x\n")
        expectError(
            .unknownKey, "--lora-drp.threshold", "--lora-drop.threshold?", flags: ["--lora-drp.threshold", "1"])
        expectError(.unknownKey, "task.columns.text_pair?", yaml: minimal + "task.columns.textpair: 3\n")
    }

    @Test("a key given twice is an error with its place")
    func duplicates() {
        expectError(.duplicateKey, "run.yaml:", "model", yaml: minimal + "model: other\n")
        expectError(.duplicateKey, "run.yaml:4:1:", "task.train", yaml: minimal + "task.train: other\n")
    }

    @Test("a value of the wrong kind or out of range is an error with its place, what is expected and what was found")
    func values() {
        expectError(
            .value, "run.yaml:4:15:", "lora.rank", "a whole number from 1 to 4096", "\"-1\"",
            yaml: minimal + "lora: { rank: -1 }\n")
        expectError(.value, "lora.alpha", "above 0", yaml: minimal + "lora: { alpha: 0 }\n")
        expectError(.value, "lora.dropout", "below 1", yaml: minimal + "lora: { dropout: 1 }\n")
        expectError(.value, "found null", yaml: minimal + "lora:\n  rank:\n")
        expectError(.value, "found [1, 2]", yaml: minimal + "lora: { rank: [1, 2] }\n")
        expectError(.value, "one of layer, module", flags: ["--lora-drop.granularity", "head"])
        expectError(.value, "true or false", yaml: minimal + "resume: yes please\n")
        expectError(.value, "--training.learning-rate", flags: ["--training.learning-rate", "nan"])
        expectError(.value, "--training.epochs", "2.5", flags: ["--training.epochs", "2.5"])
        expectError(.value, "section", yaml: minimal + "lora: 8\n")
        expectError(.value, "mapping", yaml: minimal + "resume: { x: 1 }\n")
        expectError(.value, "each element", yaml: minimal + "lora_drop: { keep_layers: [0, -1] }\n")
    }

    @Test("what is not YAML, and what are no flags, are errors that say so")
    func syntax() {
        expectError(.syntax, "run.yaml:2:", yaml: "model: [a\ntask: b")
        expectError(.syntax, "mapping", yaml: "- a\n- b\n")
        expectError(.syntax, "expected a flag", flags: ["threshold"])
        expectError(.syntax, "needs a value", flags: ["--lora.rank"])
        expectError(.syntax, "needs a value", flags: ["--lora.rank", "--resume"])
        expectError(.syntax, "brackets", flags: ["--task.labels", "[a"])
        expectError(.missing, "model", yaml: "# nothing\n")
    }

    @Test("a missing file, a folder and a file that is not UTF-8 are errors that name them")
    func files() throws {
        func code(_ path: String) -> ConfigurationError.Code? {
            #expect(throws: ConfigurationError.self) { try RunSettings.load(file: path) }?.code
        }
        #expect(code("/nowhere/run.yaml") == .unreadable)
        let folder = FileManager.default.temporaryDirectory
        #expect(code(folder.path) == .unreadable)
        let path = folder.appending(path: "loradrop-\(UUID()).yaml")
        try Data([0x6D, 0xE9]).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        #expect(code(path.path) == .unreadable)
    }
}
