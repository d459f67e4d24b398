//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import LoRA
import Metrics
import Training

/// Holds values against one another, once each is in its own range.
///
/// Only values count, not whether they were given: the canonical text, which gives all of them, has to pass as well.
struct ConfigurationChecks {
    let settings: RunSettings
    let origins: [String: ConfigurationOrigin]

    func check(for purpose: ConfigurationPurpose) throws(ConfigurationError) {
        try checkPresence(for: purpose)
        try checkTask()
        try checkLoRA()
        try checkLoRADrop()
        if purpose == .training {
            try checkTraining()
            try checkCluster()
        }
    }

    private func checkCluster() throws(ConfigurationError) {
        let cluster = settings.cluster
        if let minimum = cluster.minWorkers, minimum > cluster.workers {
            throw conflict(
                "cluster.min_workers", "\(minimum) are more than the \(cluster.workers) of cluster.workers")
        }
        if let maximum = cluster.maxWorkers, maximum < cluster.workers {
            throw conflict(
                "cluster.max_workers", "\(maximum) are fewer than the \(cluster.workers) of cluster.workers")
        }
    }

    private func checkPresence(for purpose: ConfigurationPurpose) throws(ConfigurationError) {
        let task = settings.task
        var missing: [String] = []
        if settings.model.isEmpty { missing.append("model") }
        if task.kind != .generation {
            if task.textColumn.isEmpty { missing.append("task.columns.text") }
            if task.labelColumn == nil, purpose != .prediction { missing.append("task.columns.label") }
        }
        if task.train == nil, purpose == .training { missing.append("task.train") }
        if settings.outputDirectory.isEmpty, purpose == .training { missing.append("output_dir") }
        guard missing.isEmpty else {
            throw ConfigurationError(
                .missing, .none,
                "missing \(missing.joined(separator: ", ")): give it in the configuration file or as a flag, such as "
                    + (task.name != nil && missing == ["task.train"]
                        ? "--data-dir" : ConfigurationOption.named(missing[0])?.flag ?? ""))
        }
    }

    private func checkTask() throws(ConfigurationError) {
        let task = settings.task
        if task.dataDirectory != nil, task.name == nil {
            throw conflict("task.data_dir", "it is the folder of a task of GLUE: give task.name, or task.train")
        }
        try checkGeneration()
        try checkGenerationSection()
        if task.textColumn == task.textPairColumn {
            throw conflict(
                "task.columns.text_pair", "the second text is the same column as the first, \(task.textColumn)")
        }
        if task.labelColumn == task.textColumn || (task.labelColumn != nil && task.labelColumn == task.textPairColumn) {
            throw conflict("task.columns.label", "the label is the same column as a text, \(task.labelColumn ?? "")")
        }
        let kind: Metric.Task =
            switch task.kind {
            case .classification: .classification
            case .regression: .regression
            case .generation: .generation
            }
        if let metric = task.metric, !metric.tasks.contains(kind) {
            let fitting = Metric.allCases.filter { $0.tasks.contains(kind) }
            throw conflict(
                "task.metric",
                "\(metric.rawValue) is no metric of a \(task.kind.rawValue); expected one of "
                    + fitting.map(\.rawValue).joined(separator: ", "))
        }
        if task.kind != .classification, !task.labels.isEmpty {
            throw conflict(
                "task.labels", "a \(task.kind.rawValue) has no labels; leave the list empty, or set task.type")
        }
        if !task.labels.isEmpty, Set(task.labels).count != task.labels.count || task.labels.count < 2 {
            throw conflict("task.labels", "expected two or more different labels, found \(task.labels)")
        }
        if let positive = task.positiveLabel {
            if !task.resolvedMetric.needsTwoLabels {
                throw conflict("task.positive_label", "only the metrics f1 and combined_score have a positive label")
            }
            if !task.labels.isEmpty, !task.labels.contains(positive) {
                throw conflict("task.positive_label", "\"\(positive)\" is not among task.labels \(task.labels)")
            }
        }
        if task.format == .jsonl, task.quoting != nil {
            throw conflict("task.quoting", "JSONL has quoting of its own; leave it at auto")
        }
    }

    private func checkGeneration() throws(ConfigurationError) {
        let task = settings.task
        let defaults = RunSettings.TaskSection()
        if task.kind == .generation {
            let columns = [
                ("text", task.textColumn.isEmpty ? nil : task.textColumn), ("text_pair", task.textPairColumn),
                ("label", task.labelColumn),
            ]
            if let (key, column) = columns.first(where: { $0.1 != nil }) {
                throw conflict(
                    "task.columns.\(key)",
                    "a generation has task.prompt and task.completion instead; write {\(column ?? "")} there")
            }
        } else if task.prompt != defaults.prompt || task.completion != defaults.completion {
            throw conflict(
                task.prompt != defaults.prompt ? "task.prompt" : "task.completion",
                "a \(task.kind.rawValue) has task.columns instead; set task.type to generation")
        }
    }

    /// Only a generation generates texts, and it searches or draws, not both.
    private func checkGenerationSection() throws(ConfigurationError) {
        let generation = settings.generation
        if generation.temperature != nil || generation.topP != nil, generation.beams != 1 {
            throw conflict(
                "generation.beams",
                "\(generation.beams) beams search, but temperature and top_p draw: give one or the other")
        }
        guard settings.task.kind != .generation else { return }
        let defaults = RunSettings()
        for option in ConfigurationOption.generationOptions where option.read(settings) != option.read(defaults) {
            throw conflict(
                option.name, "a \(settings.task.kind.rawValue) generates no texts; set task.type to generation")
        }
    }

    private func checkLoRA() throws(ConfigurationError) {
        let modules = settings.lora.targetModules
        if Set(modules).count != modules.count {
            throw conflict("lora.target_modules", "expected different module names, found \(modules)")
        }
    }

    private func checkLoRADrop() throws(ConfigurationError) {
        let drop = settings.loraDrop
        if !drop.keepLayers.isEmpty {
            if Set(drop.keepLayers).count != drop.keepLayers.count {
                throw conflict("lora_drop.keep_layers", "a layer occurs twice in \(drop.keepLayers)")
            }
            if drop.keepCount != nil {
                throw conflict(
                    "lora_drop.keep_count", "keep_layers says already which layers are kept; give one of them")
            }
            if drop.granularity == .module {
                throw conflict("lora_drop.granularity", "keep_layers names layers; it goes with granularity layer only")
            }
        }
        if drop.share == .absent, drop.threshold == 0, drop.keepLayers.isEmpty, drop.keepCount == nil {
            throw conflict("lora_drop.share", "with threshold 0 and no shared LoRA no layer would have any")
        }
    }

    private func checkTraining() throws(ConfigurationError) {
        let training = settings.training
        let strategy = training.evaluationStrategy
        if let strategy, strategy != .never, settings.task.validation == nil {
            throw conflict("training.evaluation_strategy", "an evaluation needs task.validation")
        }
        if (strategy == .steps) != (training.evaluationSteps != nil) {
            throw conflict(
                strategy == .steps ? "training.evaluation_strategy" : "training.evaluation_steps",
                "evaluation_strategy: steps and evaluation_steps go together")
        }
        if (training.saveStrategy == .steps) != (training.saveSteps != nil) {
            throw conflict(
                training.saveStrategy == .steps ? "training.save_strategy" : "training.save_steps",
                "save_strategy: steps and save_steps go together")
        }
        let evaluates = settings.resolvedEvaluationStrategy != .never
        if training.earlyStoppingPatience != nil, !evaluates {
            throw conflict("training.early_stopping_patience", "early stopping needs evaluations: give task.validation")
        }
        if training.loadBestAtEnd, !evaluates {
            throw conflict("training.load_best_at_end", "the best adapter is told by evaluations: give task.validation")
        }
    }

    private func conflict(_ key: String, _ message: String) -> ConfigurationError {
        ConfigurationError(.conflict, origins[key] ?? .none, "\(key): \(message)")
    }
}
