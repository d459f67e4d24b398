//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
package import LoRA

/// Those who compute: the threads of this process (`LocalFleet`), or the workers of a cluster.
///
/// A run is written once, in `TrainingRun`, against this protocol. Whoever implements it must give the same bits,
/// which the exactness contract makes possible.
package protocol Fleet: Predictor {
    /// Takes up a phase, from the seed or from the state in `setup`.
    /// - Returns: The digest of the state that everyone starts from.
    func begin(_ setup: PhaseSetup) throws -> Digest

    /// Does the steps in order. `work` makes the shards of a step and may be asked a few steps ahead.
    /// - Parameter committed: Called after each step, in order. When it says no, no further step is begun; steps that
    ///   were already given out are still done, and told of.
    func train(
        _ steps: Range<Int>, work: (Int) throws -> StepWork, committed: (StepOutcome) throws -> Bool
    ) throws

    /// Sums over all shards, one a projection of the model, in fixed point.
    func sums(of work: StepWork) throws -> [Int64]

    /// The state after the last step.
    func snapshot() throws -> TrainingState
}

/// What a phase starts from.
package struct PhaseSetup: Sendable {
    package var phase: Phase
    /// Steps of the whole phase: what the learning rate's schedule is made for.
    package var totalSteps: Int
    /// Which projection has which LoRA.
    package var assignment: AdapterAssignment
    /// Where to go on; nil starts from the seed.
    package var state: TrainingState?

    package init(phase: Phase, totalSteps: Int, assignment: AdapterAssignment, state: TrainingState?) {
        self.phase = phase
        self.totalSteps = totalSteps
        self.assignment = assignment
        self.state = state
    }
}

/// What one committed step came to.
package struct StepOutcome: Sendable, Hashable {
    /// The 0-based step.
    package var step: Int
    /// The loss, a mean over the step's examples.
    package var loss: Double
    /// The gradient's global norm before clipping.
    package var gradientNorm: Double
    package var learningRate: Double
    package var digest: Digest
    package var exampleCount: Int
    package var tokenCount: Int
    /// The places in the file of the examples that the step was computed from, shard by shard.
    package var examples: [UInt32]

    package init(
        step: Int, loss: Double, gradientNorm: Double, learningRate: Double, digest: Digest, exampleCount: Int,
        tokenCount: Int, examples: [UInt32] = []
    ) {
        self.step = step
        self.loss = loss
        self.gradientNorm = gradientNorm
        self.learningRate = learningRate
        self.digest = digest
        self.exampleCount = exampleCount
        self.tokenCount = tokenCount
        self.examples = examples
    }
}

/// A text that was generated.
package struct GeneratedText: Sendable, Hashable {
    /// The place of its prompt's row in the file.
    package var example: UInt32
    /// The tokens that follow the prompt, the ending one among them if it came.
    package var tokens: [Int32]

    package init(example: UInt32, tokens: [Int32]) {
        self.example = example
        self.tokens = tokens
    }
}

/// The model's answer for one example.
package struct Prediction: Sendable, Hashable {
    /// The example's place in its file.
    package var example: UInt32
    /// One number a label; a single one for a regression.
    package var logits: [Float]

    package init(example: UInt32, logits: [Float]) {
        self.example = example
        self.logits = logits
    }
}
