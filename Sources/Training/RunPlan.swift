//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
package import LoRA
package import Metrics

/// All that decides a run's course, made from the configuration.
package struct RunPlan: Sendable {
    package var compute: ComputeSettings
    package var lora: LoRASettings
    package var selection: LoRADropSettings
    /// Epochs of the fine-tuning; `maxSteps` goes before.
    package var epochs: Int
    package var maxSteps: Int?
    /// Examples of a batch, over all workers together.
    package var batchSize: Int
    /// Batches of an optimiser step.
    package var accumulationSteps: Int
    package var shardTokens: Int
    package var evaluation: Interval
    /// Steps between log entries.
    package var loggingSteps: Int
    package var saving: Interval
    /// Checkpoints that are kept besides the best one; nil keeps all.
    package var saveTotalLimit: Int?
    /// Evaluations without improvement after which the training stops.
    package var earlyStoppingPatience: Int?
    package var earlyStoppingThreshold: Double
    /// Whether the exported adapter is the best evaluated one rather than the last.
    package var loadsBestAtEnd: Bool
    /// What "best" means.
    package var bestMetric: Metric

    package init(
        compute: ComputeSettings, lora: LoRASettings, selection: LoRADropSettings, epochs: Int, maxSteps: Int?,
        batchSize: Int, accumulationSteps: Int, shardTokens: Int, evaluation: Interval, loggingSteps: Int,
        saving: Interval,
        saveTotalLimit: Int?, earlyStoppingPatience: Int?, earlyStoppingThreshold: Double, loadsBestAtEnd: Bool,
        bestMetric: Metric
    ) {
        self.compute = compute
        self.lora = lora
        self.selection = selection
        self.epochs = epochs
        self.maxSteps = maxSteps
        self.batchSize = batchSize
        self.accumulationSteps = accumulationSteps
        self.shardTokens = shardTokens
        self.evaluation = evaluation
        self.loggingSteps = loggingSteps
        self.saving = saving
        self.saveTotalLimit = saveTotalLimit
        self.earlyStoppingPatience = earlyStoppingPatience
        self.earlyStoppingThreshold = earlyStoppingThreshold
        self.loadsBestAtEnd = loadsBestAtEnd
        self.bestMetric = bestMetric
    }

    /// Examples of an optimiser step.
    package var stepSize: Int { batchSize * accumulationSteps }
}

/// The data of a run as the coordinator holds it.
package struct RunData: Sendable {
    package var train: [TokenisedExample]
    package var validation: EvaluationSet?
    /// The labels in the order of the logits; empty for a regression.
    package var labels: [String]

    package init(train: [TokenisedExample], validation: EvaluationSet?, labels: [String]) {
        self.train = train
        self.validation = validation
        self.labels = labels
    }
}
