//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import JSONText

/// What `evaluate` prints: the figures of one evaluation under Hugging Face's names.
package struct EvaluationReport: Sendable, Hashable {
    /// `eval_loss`, `eval_accuracy`, …, as `EvaluationSet.measure` names them.
    package var figures: [String: Double]
    package var sampleCount: Int
    /// Seconds that the predictions took.
    package var seconds: Double

    package init(figures: [String: Double], sampleCount: Int, seconds: Double) {
        self.figures = figures
        self.sampleCount = sampleCount
        self.seconds = seconds
    }

    /// One JSON object on one line, its keys sorted.
    package var jsonText: String {
        var members = figures.map { JSONMember($0.key, .real($0.value)) }
        members += [
            JSONMember("eval_runtime", .real(seconds)),
            JSONMember("eval_samples", .integer(sampleCount)),
            JSONMember("eval_samples_per_second", .real(seconds > 0 ? Double(sampleCount) / seconds : 0)),
        ]
        return JSONValue.object(members.sorted { $0.key < $1.key }).text
    }
}
