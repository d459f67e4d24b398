//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import LoRA
import Transformer

// Stage one: which layers keep a LoRA of their own.
extension TrainingRun {
    /// The layer decision, and the probe's last state where the fine-tuning starts from it.
    ///
    /// Plain LoRA (T ≥ 1), T = 0, random choice and layers given by hand need no measurement, so the probe is left out
    /// there unless a warm start asks for its state.
    /// - Parameter resumed: The state of a checkpoint, of whichever phase.
    /// - Returns: Nil if the user stopped the run on the way.
    func decide(resuming resumed: TrainingState?) throws -> (LayerDecision, TrainingState?)? {
        let settings = plan.selection
        let inFineTuning = resumed?.phase == .fineTune
        let wantsScores = !settings.isDecidedBySettings && progress.scores == nil
        let wantsState = settings.warmStart && !inFineTuning
        var probe: TrainingState?
        if wantsScores || wantsState {
            guard let end = try runProbe(resuming: inFineTuning ? nil : resumed) else { return nil }
            probe = end
        }
        let sums = progress.scores ?? [Int64](repeating: 0, count: trainable.projections.count)
        guard sums.count == trainable.projections.count else {
            throw TrainingError(
                code: .badCheckpoint,
                message: "the checkpoint has scores of \(sums.count) projections, the model has "
                    + "\(trainable.projections.count): it belongs to another base model")
        }
        let decision = try LayerDecision(
            sums: sums, targets: trainable.targets, settings: settings, seed: plan.compute.seed)
        try observer.decided(decision, sums: sums)
        return (decision, probe)
    }

    /// Trains LoRA on all layers on the stratified sample and scores the layers.
    private func runProbe(resuming state: TrainingState?) throws -> TrainingState? {
        let seed = plan.compute.seed
        let positions = StratifiedSample.positions(
            of: data.train, ratio: plan.selection.sampleRatio, seed: seed)
        let sample = positions.map { data.train[$0] }
        var batches = BatchSchedule(
            phase: .probe, examples: sample, batchSize: plan.stepSize, shardTokens: plan.shardTokens, seed: seed)
        let totalSteps = plan.selection.probeEpochs * batches.stepsPerEpoch
        if totalSteps < Self.fewProbeSteps {
            observer.warned(
                "the probe has only \(totalSteps) steps on \(sample.count) examples: a choice of layers after fewer than "
                    + "\(Self.fewProbeSteps) varies from seed to seed; consider lora_drop.sample_ratio or "
                    + "lora_drop.probe_epochs")
        }
        progress.probeSteps = totalSteps
        let assignment = trainable.allOwn
        let setup = PhaseSetup(phase: .probe, totalSteps: totalSteps, assignment: assignment, state: state)
        _ = try fleet.begin(setup)
        let startStep = state?.step ?? 0
        observer.phaseBegan(.probe, facts: facts(of: setup, batches: batches))
        try fleet.train(
            startStep..<totalSteps, work: { batches.work(step: $0) },
            committed: { outcome in
                try observer.stepCommitted(.probe, outcome: outcome)
                progress.step = outcome.step + 1
                return !stop.isRequested
            })
        progress.phase = Phase.probe.rawValue
        if progress.step < totalSteps {
            try saveCheckpoint(
                try fleet.snapshot(), of: setup, decision: nil, stepsPerEpoch: batches.stepsPerEpoch)
            return nil
        }
        let end = try fleet.snapshot()
        // The steps are kept whatever becomes of the scoring, which is a pass of its own.
        try saveCheckpoint(end, of: setup, decision: nil, stepsPerEpoch: batches.stepsPerEpoch)
        guard !stop.isRequested else { return nil }
        if !plan.selection.isDecidedBySettings, progress.scores == nil {
            progress.scores = try score(sample)
            try saveCheckpoint(end, of: setup, decision: nil, stepsPerEpoch: batches.stepsPerEpoch)
        }
        return stop.isRequested ? nil : end
    }

    /// A score for every projection, by what the settings judge layers by.
    private func score(_ sample: [TokenisedExample]) throws -> [Int64] {
        let tokenCount = sample.reduce(0) { $0 + $1.tokenIDs.count }
        progress.scoreTokenCount = tokenCount
        switch plan.selection.score {
        case .output, .random, .reverse:
            return try importance(sample, tokenCount: tokenCount)
        case .gradient:
            return try gradientScores(sample, tokenCount: tokenCount)
        case .weightNorm:
            return try trainable.weightNormScores(of: try fleet.snapshot())
        }
    }

    /// Squared norms of the LoRA outputs over the sample: part by part, since sums of squares add up.
    private func importance(_ sample: [TokenisedExample], tokenCount: Int) throws -> [Int64] {
        var total = [Int64](repeating: 0, count: trainable.projections.count)
        for part in StepWork.parts(of: sample) {
            let shards = ShardPlan.shards(of: Array(part), shardTokens: plan.shardTokens)
            let sums = try fleet.sums(
                of: StepWork(
                    kind: .importance, step: nextPass(), shards: shards, ofExamples: sample.count, tokens: tokenCount))
            for (projection, sum) in sums.enumerated() {
                let (value, overflows) = total[projection].addingReportingOverflow(sum)
                guard !overflows else {
                    throw TrainingError(
                        code: .notFinite,
                        message:
                            "the importance of \(trainable.projections[projection].path) is too large for the exact "
                            + "sum; try a lower lora_drop.probe_learning_rate")
                }
                total[projection] = value
            }
        }
        return total
    }

    /// The saliency of every projection: it is read off one gradient over the whole sample, which cannot be cut.
    private func gradientScores(_ sample: [TokenisedExample], tokenCount: Int) throws -> [Int64] {
        guard StepWork.parts(of: sample).count == 1 else {
            throw TrainingError(
                code: .badRequest,
                message: "the score gradient takes one gradient over the sample, and \(sample.count) examples with "
                    + "\(tokenCount) tokens are more than one piece of work; choose a lower lora_drop.sample_ratio")
        }
        return try fleet.sums(
            of: StepWork(
                kind: .gradientScore, step: nextPass(),
                shards: ShardPlan.shards(of: sample, shardTokens: plan.shardTokens)))
    }

    /// Below this many steps the probe is warned of.
    static let fewProbeSteps = 50

    func facts(of setup: PhaseSetup, batches: BatchSchedule) -> PhaseFacts {
        let layout = trainable.layout(setup.assignment)
        return PhaseFacts(
            totalSteps: setup.totalSteps, startStep: setup.state?.step ?? 0, exampleCount: batches.exampleCount,
            stepsPerEpoch: batches.stepsPerEpoch, adapterParameterCount: layout.range(of: .adapter).count,
            headParameterCount: layout.range(of: .head).count)
    }
}
