//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import LoRA
package import RunRecords

/// One run of LoRA-drop from beginning to end: probe, importance, decision, fine-tuning, export.
///
/// It is written once, for one process and for a cluster alike: who computes is behind `Fleet`, who is told behind
/// `RunObserver`, where files go behind `CheckpointStore`. Every phase can be entered again from a checkpoint.
package final class TrainingRun {
    package let plan: RunPlan
    package let data: RunData
    /// Describes the model's projections and head to the layout of the trainable parameters.
    package let trainable: TrainableModel
    let fleet: any Fleet
    let store: CheckpointStore
    let observer: any RunObserver
    let stop: StopRequest
    /// Takes down the fine-tuning step by step; nil does not.
    let trace: TrainingTrace?
    /// Seconds of a monotonic clock; injected so that tests have one of their own.
    let now: () -> Double

    var progress: RunProgress

    package init(
        plan: RunPlan, data: RunData, trainable: TrainableModel, fleet: any Fleet, store: CheckpointStore,
        observer: any RunObserver, stop: StopRequest, trace: TrainingTrace? = nil, now: @escaping () -> Double
    ) {
        self.plan = plan
        self.data = data
        self.trainable = trainable
        self.fleet = fleet
        self.store = store
        self.observer = observer
        self.stop = stop
        self.trace = trace
        self.now = now
        progress = RunProgress(resultDigest: store.resultDigest)
    }

    /// Runs to the end, or to the next step after the user asked for a stop.
    /// - Parameter checkpoint: Where to go on; nil begins anew.
    /// - Throws: `TrainingError`, or what the fleet and the files throw.
    package func run(from checkpoint: Checkpoint?) throws -> RunEnd {
        var state: TrainingState?
        if let checkpoint {
            progress = checkpoint.progress
            state = checkpoint.state
            observer.informed(
                "going on from \(checkpoint.name): \(checkpoint.state.phase.name), step \(checkpoint.state.step)")
        }
        guard let (decision, probe) = try decide(resuming: state) else { return .stopped }
        return try fineTune(decision, probe: probe, resuming: state?.phase == .fineTune ? state : nil)
    }

    /// The number of the next pass that is no optimiser step.
    func nextPass() -> Int {
        defer { progress.passes += 1 }
        return progress.passes
    }
}

/// How a run ended.
package enum RunEnd: Sendable {
    case finished(RunResult)
    /// The user stopped it; a checkpoint holds the state.
    case stopped
}

/// What a finished run came to.
package struct RunResult: Sendable {
    package var decision: LayerDecision
    package var progress: RunProgress
    /// The whole fine-tuning's history as Hugging Face keeps it.
    package var trainerState: TrainerState
    /// The exported adapter's evaluation; empty without a validation set.
    package var evaluation: [String: Double]
    /// Seconds that the last evaluation took.
    package var evaluationSeconds: Double
    package var finalState: TrainingState
    package var assignment: AdapterAssignment
    package var totalSteps: Int
    package var epochs: Double
    package var adapterParameterCount: Int
    package var fullAdapterParameterCount: Int
    package var trainingExampleCount: Int
}
