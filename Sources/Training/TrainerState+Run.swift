//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import LoRA
import Metrics
package import RunRecords

// A run's history under the names that transformers gives it.
extension TrainerState {
    /// - Parameters:
    ///   - setup: The phase that `progress` is in.
    ///   - stepsPerEpoch: Of that phase.
    package init(_ progress: RunProgress, of setup: PhaseSetup, plan: RunPlan, stepsPerEpoch: Int) {
        self.init(
            maxSteps: setup.totalSteps, epochCount: setup.phase == .probe ? plan.selection.probeEpochs : plan.epochs,
            batchSize: plan.batchSize, loggingSteps: plan.loggingSteps, evaluationSteps: plan.evaluation.steps,
            saveSteps: plan.saving.steps)
        let name = "eval_\(plan.bestMetric.rawValue)"
        for entry in progress.history {
            history.append(LogEntry(epoch: entry.epoch, step: entry.step, values: entry.values))
            if let value = entry.evaluation[name],
                bestMetric.map({ plan.bestMetric.isHigherBetter ? value > $0 : value < $0 }) ?? true
            {
                bestMetric = value
                bestStep = entry.step
            }
        }
        bestCheckpoint = progress.bestCheckpoint
        epoch = Double(progress.step) / Double(stepsPerEpoch)
        globalStep = progress.step
    }
}

extension HistoryEntry {
    /// All numbers by transformers' names.
    package var values: [String: Double] {
        var values = evaluation
        values["loss"] = loss
        values["learning_rate"] = learningRate
        values["grad_norm"] = gradientNorm
        return values
    }
}

extension Interval {
    /// Steps between two times; nil where it does not go by steps.
    fileprivate var steps: Int? {
        if case .everySteps(let steps) = self { steps } else { nil }
    }
}
