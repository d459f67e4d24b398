//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import LoRA
import Metrics
import RunRecords

// Stage two: train the kept layers' LoRA and the shared one on all of the data, from the pre-trained weights.
extension TrainingRun {
    func fineTune(_ decision: LayerDecision, probe: TrainingState?, resuming state: TrainingState?) throws -> RunEnd {
        let assignment = trainable.assignment(decision)
        var batches = BatchSchedule(
            phase: .fineTune, examples: data.train, batchSize: plan.stepSize, shardTokens: plan.shardTokens,
            seed: plan.compute.seed)
        let totalSteps = plan.maxSteps ?? plan.epochs * batches.stepsPerEpoch
        let start = state ?? initialState(assignment, probe: probe)
        let setup = PhaseSetup(phase: .fineTune, totalSteps: totalSteps, assignment: assignment, state: start)
        _ = try fleet.begin(setup)
        observer.phaseBegan(.fineTune, facts: facts(of: setup, batches: batches))
        progress.phase = Phase.fineTune.rawValue
        progress.step = start?.step ?? 0
        try beginTrace(setup, decision)

        var patience = earlyStopping()
        var isExhausted = patience.shouldStop
        if owesEvaluation(totalSteps: totalSteps, stepsPerEpoch: batches.stepsPerEpoch) {
            isExhausted = try atBoundary(setup, decision, stepsPerEpoch: batches.stepsPerEpoch, &patience)
        }
        while progress.step < totalSteps, !stop.isRequested, !isExhausted {
            let end = nextBoundary(after: progress.step, totalSteps: totalSteps, stepsPerEpoch: batches.stepsPerEpoch)
            try train(progress.step..<end, setup: setup, batches: &batches)
            if progress.step < totalSteps, !stop.isRequested {
                isExhausted = try atBoundary(setup, decision, stepsPerEpoch: batches.stepsPerEpoch, &patience)
            }
        }
        if stop.isRequested && progress.step < totalSteps {
            try saveCheckpoint(
                try fleet.snapshot(), of: setup, decision: decision, stepsPerEpoch: batches.stepsPerEpoch)
            return .stopped
        }
        if isExhausted {
            observer.informed(
                "stopped early: no better \(plan.bestMetric.rawValue) in \(patience.evaluationsWithoutImprovement) "
                    + "evaluations")
        }
        return .finished(
            try finish(decision, setup: setup, patience: patience, stepsPerEpoch: batches.stepsPerEpoch))
    }

    /// Evaluates and saves as far as either is due after the present step, which is not the last.
    /// - Returns: Whether the patience is used up.
    private func atBoundary(
        _ setup: PhaseSetup, _ decision: LayerDecision, stepsPerEpoch: Int, _ patience: inout EarlyStopping
    ) throws -> Bool {
        var isBest = false
        if plan.evaluation.isDue(after: progress.step, stepsPerEpoch: stepsPerEpoch) {
            isBest = try evaluate(stepsPerEpoch: stepsPerEpoch, &patience)
        }
        let saves = plan.saving.isDue(after: progress.step, stepsPerEpoch: stepsPerEpoch)
        if saves || isBest && plan.loadsBestAtEnd {
            try saveCheckpoint(
                try fleet.snapshot(), of: setup, decision: decision, stepsPerEpoch: stepsPerEpoch, isBest: isBest)
        }
        return patience.shouldStop
    }

    /// Whether the run was stopped after a step whose evaluation was due: a resumed run makes up for it, so that it
    /// ends as one that nobody stopped.
    private func owesEvaluation(totalSteps: Int, stepsPerEpoch: Int) -> Bool {
        guard data.validation != nil, 0 < progress.step, progress.step < totalSteps,
            plan.evaluation.isDue(after: progress.step, stepsPerEpoch: stepsPerEpoch)
        else { return false }
        return progress.history.last { !$0.evaluation.isEmpty }?.step != progress.step
    }

    /// Runs steps up to a boundary and logs on the way.
    private func train(_ steps: Range<Int>, setup: PhaseSetup, batches: inout BatchSchedule) throws {
        let began = now()
        let stepsPerEpoch = batches.stepsPerEpoch
        try fleet.train(
            steps,
            work: { step in
                let work = batches.work(step: step)
                trace?.gave(work)
                return work
            },
            committed: { outcome in
                try trace?.committed(outcome)
                progress.step = outcome.step + 1
                progress.pendingLosses.append(outcome.loss)
                progress.lossSum += outcome.loss
                progress.lossCount += 1
                try observer.stepCommitted(.fineTune, outcome: outcome)
                if progress.step % plan.loggingSteps == 0 || progress.step == setup.totalSteps {
                    let entry = HistoryEntry(
                        step: progress.step, epoch: Double(progress.step) / Double(stepsPerEpoch),
                        loss: progress.pendingLosses.reduce(0, +) / Double(progress.pendingLosses.count),
                        learningRate: outcome.learningRate, gradientNorm: outcome.gradientNorm)
                    progress.pendingLosses = []
                    progress.history.append(entry)
                    observer.logged(.fineTune, entry: entry)
                }
                return !stop.isRequested
            })
        progress.trainingSeconds += now() - began
    }

    /// Writes down what the fine-tuning begins with, where that is asked for.
    private func beginTrace(_ setup: PhaseSetup, _ decision: LayerDecision) throws {
        guard let trace else { return }
        let isTaken = try trace.begin(
            setup, settings: plan.compute, trainable: trainable, labels: data.labels,
            writeAdapter: { try store.writeAdapter($0, trainable.layout(setup.assignment), decision, $1) })
        if !isTaken {
            observer.warned(
                "\(trace.folder.path) does not hold the steps before \(setup.state?.step ?? 0): the rest of this run is "
                    + "not traced")
        }
    }

    /// Evaluates the present state.
    /// - Returns: Whether it is the best so far.
    private func evaluate(stepsPerEpoch: Int, _ patience: inout EarlyStopping) throws -> Bool {
        guard let validation = data.validation else { return false }
        let began = now()
        var numbers = try validation.figures(of: fleet, nextPass: nextPass)
        let seconds = now() - began
        numbers["eval_runtime"] = seconds
        numbers["eval_samples_per_second"] = Double(validation.examples.count) / max(seconds, 1e-9)
        let entry = HistoryEntry(
            step: progress.step, epoch: Double(progress.step) / Double(stepsPerEpoch), evaluation: numbers)
        progress.history.append(entry)
        observer.evaluated(entry)
        return patience.observe(numbers[bestMetricName] ?? .nan, step: progress.step)
    }

    /// The last evaluation, the choice of the best state, and what the run came to.
    private func finish(
        _ decision: LayerDecision, setup: PhaseSetup, patience: EarlyStopping, stepsPerEpoch: Int
    ) throws -> RunResult {
        var patience = patience
        var state = try fleet.snapshot()
        if data.validation != nil, progress.history.last?.evaluation.isEmpty != false {
            let isBest = try evaluate(stepsPerEpoch: stepsPerEpoch, &patience)
            try saveCheckpoint(
                state, of: setup, decision: decision, stepsPerEpoch: stepsPerEpoch, isBest: isBest)
        } else {
            try saveCheckpoint(state, of: setup, decision: decision, stepsPerEpoch: stepsPerEpoch)
        }
        var evaluation = progress.history.last { !$0.evaluation.isEmpty }?.evaluation ?? [:]
        if plan.loadsBestAtEnd, let name = progress.bestCheckpoint {
            let best = try store.checkpoint(named: name)
            if best.state.step != state.step {
                observer.informed("taking the best evaluated state: \(name)")
                state = best.state
                evaluation =
                    progress.history.last { $0.step == state.step && !$0.evaluation.isEmpty }?.evaluation ?? [:]
            }
        }
        let layout = trainable.layout(setup.assignment)
        return RunResult(
            decision: decision, progress: progress,
            trainerState: TrainerState(progress, of: setup, plan: plan, stepsPerEpoch: stepsPerEpoch),
            evaluation: evaluation, evaluationSeconds: evaluation["eval_runtime"] ?? 0, finalState: state,
            assignment: setup.assignment,
            totalSteps: setup.totalSteps, epochs: Double(progress.step) / Double(stepsPerEpoch),
            adapterParameterCount: layout.range(of: .adapter).count,
            fullAdapterParameterCount: trainable.layout(trainable.allOwn).range(of: .adapter).count,
            trainingExampleCount: data.train.count)
    }

    func saveCheckpoint(
        _ state: TrainingState, of setup: PhaseSetup, decision: LayerDecision?, stepsPerEpoch: Int, isBest: Bool = false
    ) throws {
        let name = CheckpointStore.name(of: state)
        if isBest {
            progress.bestCheckpoint = name
        }
        let checkpoint = Checkpoint(name: name, state: state, progress: progress)
        try store.save(
            checkpoint, layout: trainable.layout(setup.assignment), decision: decision,
            history: TrainerState(progress, of: setup, plan: plan, stepsPerEpoch: stepsPerEpoch))
        try store.prune(keeping: plan.saveTotalLimit, best: progress.bestCheckpoint)
        try observer.checkpointWritten(checkpoint)
    }

    /// The next step at which something other than training is due.
    private func nextBoundary(after step: Int, totalSteps: Int, stepsPerEpoch: Int) -> Int {
        var boundary = step + 1
        while boundary < totalSteps,
            !plan.evaluation.isDue(after: boundary, stepsPerEpoch: stepsPerEpoch),
            !plan.saving.isDue(after: boundary, stepsPerEpoch: stepsPerEpoch)
        {
            boundary += 1
        }
        return boundary
    }

    /// Early stopping as the history so far left it.
    private func earlyStopping() -> EarlyStopping {
        var patience = EarlyStopping(
            patience: plan.earlyStoppingPatience, threshold: plan.earlyStoppingThreshold,
            higherIsBetter: plan.bestMetric.isHigherBetter)
        for (step, value) in progress.evaluations(of: bestMetricName) {
            _ = patience.observe(value, step: step)
        }
        return patience
    }

    private var bestMetricName: String { "eval_\(plan.bestMetric.rawValue)" }

    /// A warm start's state; nil starts from the seed.
    private func initialState(_ assignment: AdapterAssignment, probe: TrainingState?) -> TrainingState? {
        guard plan.selection.warmStart, let probe else { return nil }
        return TrainingState(
            phase: .fineTune,
            initial: trainable.warmParameters(assignment, probe: probe.parameters, seed: plan.compute.seed))
    }
}
