//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Generation
package import Tensors

/// How the trainable parameters move.
///
/// The names are those of transformers' `TrainingArguments`.
package struct OptimizerSettings: Hashable, Sendable {
    /// Of the LoRA tensors, at the schedule's peak.
    package var learningRate: Double
    /// Of the task head.
    package var headLearningRate: Double
    package var weightDecay: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    /// The global norm that gradients are clipped to; nil does not clip.
    package var maxGradientNorm: Double?

    package init(
        learningRate: Double, headLearningRate: Double, weightDecay: Double = 0, beta1: Double = 0.9,
        beta2: Double = 0.999, epsilon: Double = 1e-8, maxGradientNorm: Double? = 1
    ) {
        self.learningRate = learningRate
        self.headLearningRate = headLearningRate
        self.weightDecay = weightDecay
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.maxGradientNorm = maxGradientNorm
    }
}

/// The warm-up: a number of steps, or a part of the phase's steps.
package enum Warmup: Hashable, Sendable {
    case steps(Int)
    case ratio(Double)

    /// Steps out of `total`, rounded up as transformers does.
    package func steps(of total: Int) -> Int {
        switch self {
        case .steps(let steps): steps
        case .ratio(let ratio): Int((ratio * Double(total)).rounded(.up))
        }
    }
}

/// What a worker needs to know of a phase beyond its setup; equal on everyone, part of what decides the result.
package struct ComputeSettings: Hashable, Sendable {
    package var optimizer: OptimizerSettings
    /// The LoRA learning rate of the probe.
    package var probeLearningRate: Double
    package var schedule: LearningRateSchedule.Shape
    package var warmup: Warmup
    package var loss: Loss
    package var seed: UInt64
    /// Whether a layer's activations are computed again in backward instead of kept: memory for time, the same bits.
    package var recomputes: Bool
    /// Of the products with frozen weights.
    package var matmulPrecision: MatmulPrecision
    /// Whether weights are kept split, where products split them: memory for time, the same bits.
    package var keepsSplitWeights: Bool
    /// How an evaluation generates texts.
    package var strategy: GenerationSettings.Strategy
    /// The most tokens of such a text.
    package var newTokens: Int

    package init(
        optimizer: OptimizerSettings, probeLearningRate: Double, schedule: LearningRateSchedule.Shape, warmup: Warmup,
        loss: Loss, seed: UInt64, recomputes: Bool = false, matmulPrecision: MatmulPrecision = .highest,
        keepsSplitWeights: Bool = false,
        strategy: GenerationSettings.Strategy = .greedy,
        newTokens: Int = 128
    ) {
        self.strategy = strategy
        self.newTokens = newTokens
        self.recomputes = recomputes
        self.matmulPrecision = matmulPrecision
        self.keepsSplitWeights = keepsSplitWeights
        self.optimizer = optimizer
        self.probeLearningRate = probeLearningRate
        self.schedule = schedule
        self.warmup = warmup
        self.loss = loss
        self.seed = seed
    }

    /// The model as it computes with these settings.
    ///
    /// Made once and used for all phases: weights that are kept split are laid out here.
    package func prepared(_ model: any TaskModel) -> any TaskModel {
        model.computing(at: matmulPrecision, keepingSplitWeights: keepsSplitWeights)
    }

    /// How an evaluation generates texts that these tokens end.
    /// - Throws: `GenerationError` for numbers that mean nothing.
    package func generation(endTokens: [Int32]) throws(GenerationError) -> GenerationSettings {
        try GenerationSettings(strategy: strategy, newTokens: newTokens, endTokens: endTokens)
    }

    /// The LoRA's learning rate in the 0-based `step` of a phase.
    package func learningRate(of setup: PhaseSetup, step: Int) -> Double {
        let peak = setup.phase == .probe ? probeLearningRate : optimizer.learningRate
        return peak * schedule(of: setup).multiplier(step: step)
    }

    /// The schedule of a phase: the probe has one of its own (design: "a schedule of its own").
    func schedule(of setup: PhaseSetup) -> LearningRateSchedule {
        LearningRateSchedule(
            shape: schedule, warmupSteps: warmup.steps(of: setup.totalSteps), totalSteps: setup.totalSteps)
    }
}

/// When something is done during a training.
package enum Interval: Hashable, Sendable {
    case never
    case everyEpoch
    case everySteps(Int)

    /// Whether it is due after `doneSteps` steps of which each epoch has `stepsPerEpoch`.
    func isDue(after doneSteps: Int, stepsPerEpoch: Int) -> Bool {
        switch self {
        case .never: false
        case .everyEpoch: doneSteps % stepsPerEpoch == 0
        case .everySteps(let steps): doneSteps % steps == 0
        }
    }
}
