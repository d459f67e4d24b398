//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

/// What `all_results.json` says: figures under Hugging Face's names, and what LoRA-drop decided.
package struct AllResults: Sendable, Hashable {
    /// What an evaluation took; its metrics are in `evaluation`.
    package struct Duration: Sendable, Hashable {
        package var seconds: Double
        package var sampleCount: Int

        package init(seconds: Double, sampleCount: Int) {
            self.seconds = seconds
            self.sampleCount = sampleCount
        }
    }

    /// What LoRA-drop decided.
    package struct LoRADropFacts: Sendable, Hashable {
        /// In the order of the decision: layers, or modules by name.
        package var kept: [String]
        package var shared: [String]
        /// Trained parameters of the LoRA, and what plain LoRA would have.
        package var parameterCount: Int
        package var plainParameterCount: Int
        package var threshold: Double
        /// Nil where there was no probe.
        package var probeSteps: Int?

        package init(
            kept: [String], shared: [String], parameterCount: Int, plainParameterCount: Int, threshold: Double,
            probeSteps: Int?
        ) {
            self.kept = kept
            self.shared = shared
            self.parameterCount = parameterCount
            self.plainParameterCount = plainParameterCount
            self.threshold = threshold
            self.probeSteps = probeSteps
        }
    }

    /// Epochs done, with their fraction.
    package var epoch: Double
    /// Of the last evaluation: `accuracy`, `loss`, `matthews_correlation`…; written with `eval_` before them.
    package var evaluation: [String: Double]
    package var evaluationDuration: Duration?
    package var trainLoss: Double?
    package var trainDuration: Duration?
    package var trainSteps: Int
    package var loraDrop: LoRADropFacts?

    package init(
        epoch: Double, evaluation: [String: Double] = [:], evaluationDuration: Duration? = nil,
        trainLoss: Double? = nil, trainDuration: Duration? = nil, trainSteps: Int = 0, loraDrop: LoRADropFacts? = nil
    ) {
        self.epoch = epoch
        self.evaluation = evaluation
        self.evaluationDuration = evaluationDuration
        self.trainLoss = trainLoss
        self.trainDuration = trainDuration
        self.trainSteps = trainSteps
        self.loraDrop = loraDrop
    }

    /// The figures by name, as the file has them.
    package var figures: [String: Double] {
        var figures = Dictionary(uniqueKeysWithValues: evaluation.map { ("eval_\($0.key)", $0.value) })
        figures["epoch"] = epoch
        figures["train_loss"] = trainLoss
        if let duration = evaluationDuration {
            figures["eval_runtime"] = duration.seconds
            figures["eval_samples_per_second"] = Self.rate(duration.sampleCount, duration.seconds)
        }
        if let duration = trainDuration {
            figures["train_runtime"] = duration.seconds
            // As in Hugging Face's Trainer: the examples of all epochs.
            figures["train_samples_per_second"] = Self.rate(Double(duration.sampleCount) * epoch, duration.seconds)
            figures["train_steps_per_second"] = Self.rate(trainSteps, duration.seconds)
        }
        return figures
    }

    /// The file's text, keys sorted as Hugging Face sorts them.
    package var jsonText: String {
        var members = figures.map { JSONMember($0.key, .real($0.value)) }
        if let duration = evaluationDuration {
            members.append(JSONMember("eval_samples", .integer(duration.sampleCount)))
        }
        if let duration = trainDuration {
            members.append(JSONMember("train_samples", .integer(duration.sampleCount)))
        }
        if let loraDrop {
            members.append(JSONMember("lora_drop", loraDrop.json))
        }
        return JSONValue.object(members.sorted { $0.key < $1.key }).indentedText(indent: 4)
    }

    private static func rate(_ count: some BinaryInteger, _ seconds: Double) -> Double {
        rate(Double(count), seconds)
    }

    private static func rate(_ count: Double, _ seconds: Double) -> Double {
        seconds > 0 ? count / seconds : 0
    }
}

extension AllResults.LoRADropFacts {
    fileprivate var json: JSONValue {
        .object([
            JSONMember("kept", .array(kept.map { .string($0) })),
            JSONMember("lora_parameters", .integer(parameterCount)),
            JSONMember("plain_lora_parameters", .integer(plainParameterCount)),
            JSONMember("probe_steps", probeSteps.map { .integer($0) } ?? .null),
            JSONMember("shared", .array(shared.map { .string($0) })),
            JSONMember("threshold", .real(threshold)),
        ])
    }
}
