//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import LoRA

/// Who is told how a run goes: the terminal, the log files, a test.
///
/// A run prints nothing by itself.
package protocol RunObserver: AnyObject {
    func phaseBegan(_ phase: Phase, facts: PhaseFacts)
    /// After every committed step.
    /// - Throws: If the step cannot be what an earlier start of this run has committed.
    func stepCommitted(_ phase: Phase, outcome: StepOutcome) throws
    /// Every so many steps, with means over them.
    func logged(_ phase: Phase, entry: HistoryEntry)
    func evaluated(_ entry: HistoryEntry)
    /// Before anybody acts on it.
    /// - Parameter sums: What it was made from, one a projection.
    /// - Throws: If it cannot be kept, in which case nobody may act on it.
    func decided(_ decision: LayerDecision, sums: [Int64]) throws
    func checkpointWritten(_ checkpoint: Checkpoint) throws
    func warned(_ message: String)
    func informed(_ message: String)
}

/// What a phase is going to do.
package struct PhaseFacts: Hashable, Sendable {
    package var totalSteps: Int
    /// The step that it begins or goes on with.
    package var startStep: Int
    package var exampleCount: Int
    package var stepsPerEpoch: Int
    /// Numbers that are trained, of LoRA and of the head.
    package var adapterParameterCount: Int
    package var headParameterCount: Int
}

/// One line of a run's history: what transformers calls an entry of `log_history`.
package struct HistoryEntry: Hashable, Sendable, Codable {
    /// Steps done.
    package var step: Int
    package var epoch: Double
    /// The mean training loss since the last entry; nil in an evaluation.
    package var loss: Double?
    package var learningRate: Double?
    package var gradientNorm: Double?
    /// The evaluation's numbers by their names ("eval_loss", "eval_accuracy"); empty in a training entry.
    package var evaluation: [String: Double]

    package init(
        step: Int, epoch: Double, loss: Double? = nil, learningRate: Double? = nil, gradientNorm: Double? = nil,
        evaluation: [String: Double] = [:]
    ) {
        self.step = step
        self.epoch = epoch
        self.loss = loss
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.evaluation = evaluation
    }
}
