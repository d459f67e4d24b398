//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Metrics
import RunConfiguration
import Testing

@Suite("Values that have to go together")
struct CheckTests {
    @Test("a metric fits the kind of task")
    func metrics() throws {
        expectError(
            .conflict, "--task.metric", "accuracy", "pearson, spearmanr",
            flags: [
                "--task.type", "regression", "--task.metric", "accuracy",
            ])
        expectError(.conflict, "pearson", flags: ["--metric", "pearson"])
        let regression = try RunSettings.parse(minimal, path: "", flags: ["--task.type", "regression"])
        #expect(regression.task.resolvedMetric == .pearson)
        #expect(try RunSettings.parse(minimal, path: "").task.resolvedMetric == .accuracy)
    }

    @Test("only a generation generates, and it searches or draws")
    func generation() throws {
        expectError(.conflict, "generation.beams", "classification", flags: ["--beams", "2"])
        expectError(.value, "generation.new_tokens", flags: ["--new-tokens", "0"])
        let generation = "model: m\ntask: { type: generation, train: t }\noutput_dir: o\n"
        expectError(
            .conflict, "generation.beams", "search", yaml: generation, flags: ["--beams=2", "--temperature=1"])
        #expect(try RunSettings.parse(generation, path: "", flags: ["--metric", "rougel"]).task.metric == .rougeL)
        let settings = try RunSettings.parse(generation, path: "", flags: ["--metric", "BLEU"])
        #expect(settings.metrics == [.bleu, .perplexity, .chrf, .rougeL, .exactMatch])
        #expect(try RunSettings.parse(generation, path: "").metrics == [.perplexity])
    }

    @Test("labels are two or more, different, and of a classification; a positive label is one of them")
    func labels() {
        expectError(.conflict, "task.labels", flags: ["--task.labels", "a"])
        expectError(.conflict, "task.labels", flags: ["--task.labels", "a,b,a"])
        expectError(.conflict, "regression", flags: ["--task.labels", "a,b", "--task.type", "regression"])
        expectError(.conflict, "only the metrics f1", flags: ["--task.positive-label", "a"])
        expectError(
            .conflict, "not among", flags: ["--task.positive-label", "c", "--metric", "f1", "--task.labels", "a,b"])
    }

    @Test("columns differ, and JSONL has no quoting")
    func columns() {
        expectError(.conflict, "task.columns.text_pair", flags: ["--task.columns.text-pair", "3"])
        expectError(.conflict, "run.yaml:2:", "task.columns.label", flags: ["--task.columns.text", "1"])
        expectError(.conflict, "task.quoting", flags: ["--task.quoting", "false", "--task.format", "jsonl"])
    }

    @Test("a target module is named once")
    func modules() {
        expectError(.conflict, "lora.target_modules", flags: ["--lora.target-modules", "query,query"])
    }

    @Test("layers kept by hand exclude a count and modules")
    func keptLayers() {
        let kept = ["--lora-drop.keep-layers", "0,1"]
        expectError(.conflict, "twice", flags: ["--lora-drop.keep-layers", "0,0"])
        expectError(.conflict, "keep_count", flags: kept + ["--lora-drop.keep-count", "2"])
        expectError(.conflict, "granularity", flags: kept + ["--lora-drop.granularity", "module"])
        expectError(.conflict, "lora_drop.share", flags: ["--lora-drop.threshold", "0", "--lora-drop.share", "false"])
    }

    @Test("evaluations need a validation file, intervals their steps, early stopping its evaluations")
    func intervals() throws {
        expectError(.conflict, "task.validation", flags: ["--training.evaluation-strategy", "epoch"])
        let validated = ["--task.validation", "dev.tsv"]
        expectError(.conflict, "evaluation_steps", flags: validated + ["--training.evaluation-strategy", "steps"])
        expectError(.conflict, "evaluation_steps", flags: validated + ["--training.evaluation-steps", "5"])
        expectError(.conflict, "save_steps", flags: ["--training.save-strategy", "steps"])
        expectError(.conflict, "save_steps", flags: ["--training.save-steps", "5"])
        expectError(.conflict, "early", flags: ["--training.early-stopping-patience", "2"])
        expectError(
            .conflict, "best",
            flags: validated + ["--training.load-best-at-end", "--training.evaluation-strategy", "no"])
        let settings = try RunSettings.parse(minimal, path: "", flags: validated)
        #expect(settings.resolvedEvaluationStrategy == .epoch)
        #expect(try RunSettings.parse(minimal, path: "").resolvedEvaluationStrategy == .never)
    }
}
