//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How far a run is, beyond the training state: what a checkpoint keeps so that a resumed run goes on as if nothing
/// had happened.
package struct RunProgress: Codable, Hashable, Sendable {
    /// Of the layout of this record.
    package static let currentFormat = 1
    package var format = Self.currentFormat
    /// Identifies the configuration, as far as it decides the result.
    package var resultDigest: String
    /// The phase that the state belongs to, and its steps that are done.
    package var phase: UInt32
    package var step: Int
    /// The scores that the probe ended with, one a projection, in fixed point; nil before.
    package var scores: [Int64]?
    /// Tokens that the scores were summed over.
    package var scoreTokenCount: Int
    /// Steps of the probe; nil if there was none.
    package var probeSteps: Int?
    /// Everything that was logged in the fine-tuning.
    package var history: [HistoryEntry] = []
    /// Losses since the last log entry.
    package var pendingLosses: [Double] = []
    /// All losses of the fine-tuning: sum and count, for the final mean.
    package var lossSum = 0.0
    package var lossCount = 0
    /// Seconds of training in the run so far, pauses not counted.
    package var trainingSeconds = 0.0
    /// The number of passes (importance, predictions) so far: they are numbered over the whole run.
    package var passes = 0
    /// The checkpoint that evaluated best so far.
    package var bestCheckpoint: String?

    package init(resultDigest: String) {
        self.resultDigest = resultDigest
        phase = Phase.probe.rawValue
        step = 0
        scoreTokenCount = 0
    }

    /// Evaluations so far, with the metric called `name`.
    func evaluations(of name: String) -> [(step: Int, value: Double)] {
        history.compactMap { entry in entry.evaluation[name].map { (entry.step, $0) } }
    }
}
