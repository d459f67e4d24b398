//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
package import Generation
package import LoRA
package import Metrics
import Tensors
package import Training

// What the modules need of the configuration, in their own terms.
extension RunSettings {
    package var loraSettings: LoRASettings {
        LoRASettings(
            adapterRank: lora.adapterRank, alpha: lora.alpha, dropout: lora.dropout,
            targetModules: lora.targetModules)
    }

    package var loraDropSettings: LoRADropSettings {
        LoRADropSettings(
            sampleRatio: loraDrop.sampleRatio, threshold: loraDrop.threshold, probeEpochs: loraDrop.probeEpochs,
            granularity: loraDrop.granularity, score: loraDrop.score,
            share: loraDrop.share != .absent, keepLayers: loraDrop.keepLayers.isEmpty ? nil : loraDrop.keepLayers,
            keepCount: loraDrop.keepCount, warmStart: loraDrop.start == .warm)
    }

    /// Whether every worker holds the layers' weights split, for either direction.
    package var keepsSplitWeights: Bool { training.matmulPrecision == .high && training.keepSplitWeights }

    package var sharing: Sharing { loraDrop.share }

    /// The loss of the task.
    package var loss: Loss {
        switch task.kind {
        case .classification: .crossEntropy
        case .regression: .squaredError
        case .generation: .completion
        }
    }

    /// What every worker has to know of the training.
    package var computeSettings: ComputeSettings {
        ComputeSettings(
            optimizer: OptimizerSettings(
                learningRate: training.learningRate, headLearningRate: training.resolvedHeadLearningRate,
                weightDecay: training.weightDecay, beta1: training.adamBeta1, beta2: training.adamBeta2,
                epsilon: training.adamEpsilon,
                maxGradientNorm: training.maxGradientNorm > 0 ? training.maxGradientNorm : nil),
            probeLearningRate: loraDrop.probeLearningRate ?? training.learningRate,
            schedule: training.schedule,
            warmup: training.warmupSteps.map { .steps($0) } ?? .ratio(training.warmupRatio), loss: loss,
            seed: training.seed, recomputes: training.recompute,
            matmulPrecision: training.matmulPrecision, keepsSplitWeights: keepsSplitWeights, strategy: strategy,
            newTokens: generation.newTokens)
    }

    /// The metrics of an evaluation: the one that was asked for, and those that people expect beside it.
    package var metrics: [Metric] {
        let chosen = task.resolvedMetric
        let usual: [Metric] =
            switch task.kind {
            case .classification: chosen == .combinedScore ? [.accuracy, .f1] : [.accuracy]
            case .regression: [.pearson, .spearmanr]
            case .generation:
                // Texts cost far more than losses, so that they are made only for who asks for one of their metrics.
                chosen.ofTexts == nil ? [] : [.perplexity, .bleu, .chrf, .rougeL, .exactMatch]
            }
        return [chosen] + usual.filter { $0 != chosen }
    }

    /// How texts are generated.
    /// - Parameter endTokens: What ends a text, as the base model names it.
    /// - Throws: `GenerationError` for numbers that mean nothing.
    package func generationSettings(endTokens: [Int32]) throws(GenerationError) -> GenerationSettings {
        try computeSettings.generation(endTokens: endTokens)
    }

    private var strategy: GenerationSettings.Strategy {
        if generation.temperature != nil || generation.topP != nil {
            .sampled(temperature: generation.temperature ?? 1, topP: generation.topP ?? 1, seed: generation.seed)
        } else if generation.beams == 1 {
            .greedy
        } else {
            .beams(
                count: generation.beams, lengthPenalty: generation.lengthPenalty, stopsEarly: generation.earlyStopping)
        }
    }

    /// The run's course.
    package var plan: RunPlan {
        RunPlan(
            compute: computeSettings, lora: loraSettings, selection: loraDropSettings, epochs: training.epochs,
            maxSteps: training.maxSteps, batchSize: training.batchSize,
            accumulationSteps: training.gradientAccumulationSteps, shardTokens: training.shardTokens,
            evaluation: interval(resolvedEvaluationStrategy, steps: training.evaluationSteps),
            loggingSteps: training.loggingSteps, saving: interval(training.saveStrategy, steps: training.saveSteps),
            saveTotalLimit: training.saveTotalLimit, earlyStoppingPatience: training.earlyStoppingPatience,
            earlyStoppingThreshold: training.earlyStoppingThreshold, loadsBestAtEnd: training.loadBestAtEnd,
            bestMetric: task.resolvedMetric)
    }

    private func interval(_ choice: IntervalChoice, steps: Int?) -> Interval {
        switch choice {
        case .never: .never
        case .epoch: .everyEpoch
        case .steps: .everySteps(steps ?? training.loggingSteps)
        }
    }
}
