//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import LoRA
import Metrics
import RunConfiguration
import RunRecords
import Training
import Transformer

// What a run came to, in the form of its result files.
extension AllResults {
    init(_ result: RunResult, preparation: RunPreparation) {
        var evaluation: [String: Double] = [:]
        for (name, value) in result.evaluation
        where name != "eval_runtime" && name != "eval_samples_per_second" {
            evaluation[String(name.dropFirst("eval_".count))] = value
        }
        let decision = result.decision
        let selection = preparation.settings.loraDropSettings
        func names(kept: Bool) -> [String] {
            decision.candidates.filter { $0.isKept == kept }.map { candidate in
                selection.granularity == .layer
                    ? String(candidate.layer) : preparation.trainable.projections[candidate.projections[0]].path
            }
        }
        let progress = result.progress
        self.init(
            epoch: result.epochs, evaluation: evaluation,
            evaluationDuration: preparation.data.validation.map {
                Duration(seconds: result.evaluationSeconds, sampleCount: $0.examples.count)
            },
            trainLoss: progress.lossCount > 0 ? progress.lossSum / Double(progress.lossCount) : nil,
            trainDuration: Duration(seconds: progress.trainingSeconds, sampleCount: result.trainingExampleCount),
            trainSteps: progress.step,
            loraDrop: LoRADropFacts(
                kept: names(kept: true), shared: names(kept: false), parameterCount: result.adapterParameterCount,
                plainParameterCount: result.fullAdapterParameterCount, threshold: selection.threshold,
                probeSteps: progress.probeSteps))
    }
}
