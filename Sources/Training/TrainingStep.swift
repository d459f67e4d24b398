//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
package import ExactSums
import Foundation
package import Generation
import LoRA
import Randomness
import Tensors
import Transformer

// The path of a batch, from token ids to updated parameters:
//
//     localSums   every shard, on some slot (ShardComputer):  forward → loss → backward → exact sum
//        ⋮        the workers' sums are added up (Cluster/GradientExchange.swift); with one worker they are complete
//     commit      lanes → mean → clip → AdamW
//
// The sums are integers, so it does not matter which slot or worker computed which shard (docs/numerics.md).
extension PhaseTrainer {
    /// This worker's sums over `shards`, a part of the step that `header` tells of.
    /// - Parameters:
    ///   - audit: Collects the digests of single shards' sums, and shards to compute without counting them.
    ///   - shardDone: Told each shard's index and how many nanoseconds it took, on the slot's thread; what it
    ///     throws breaks the work off.
    /// - Returns: A vector laid out as `ReducedVector` says.
    /// - Throws: `TrainingError` with `.notFinite`, naming tensor and shard.
    package func localSums(
        _ header: StepHeader, shards: [Shard], audit: ShardAudit = ShardAudit(),
        shardDone: @escaping @Sendable (_ shard: Int, _ nanoseconds: UInt64) throws -> Void = { _, _ in }
    ) throws -> ExactAccumulator {
        let vector = reducedVector(header)
        let partial = SlotSums(slotCount: pool.slotCount, vectorCount: vector.count)
        let computer = self.computer
        try pool.forEach(count: shards.count + audit.recomputed.count) { slot, index in
            let began = DispatchTime.now().uptimeNanoseconds
            let isCounted = index < shards.count
            let shard = isCounted ? shards[index] : audit.recomputed[index - shards.count]
            if isCounted, !audit.concerns(shard) {
                try partial.withSums(slot) { try computer.add(shard, slot: slot, to: &$0, vector) }
            } else {
                var alone = ExactAccumulator(count: vector.count)
                try computer.add(shard, slot: slot, to: &alone, vector)
                audit.take(&alone, of: shard)
                if isCounted {
                    partial.withSums(slot) { $0.add(alone) }
                }
            }
            try shardDone(shard.index, DispatchTime.now().uptimeNanoseconds - began)
        }
        return partial.total()
    }

    /// Applies the sums of all shards: one AdamW step with the mean gradient, clipped by its global norm.
    /// - Throws: `TrainingError` with `.shardsMiscounted` or `.notFinite`; the state is then as before.
    package func commit(_ sums: ExactAccumulator, _ header: StepHeader) throws -> StepOutcome {
        guard header.kind == .train, header.step == step, step < setup.totalSteps else {
            throw TrainingError(
                code: .wrongState,
                message: "step \(header.step) was to be committed, this state is at step \(step) of \(setup.totalSteps)"
            )
        }
        let vector = reducedVector(header)
        try vector.checkLanes(sums)
        sums.means(of: vector.values, scale: vector.scale, into: gradient)
        let norm = gradient.sumOfSquares.squareRoot()
        guard norm.isFinite else {
            throw TrainingError(
                code: .notFinite,
                message: "step \(step) of the \(setup.phase.name): the gradient's norm is \(norm); try a lower "
                    + "training.learning_rate. The step was not applied")
        }
        // PyTorch's clip_grad_norm_: the small constant keeps a zero gradient from dividing by zero.
        let clip = settings.optimizer.maxGradientNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        let adapterRate = settings.learningRate(of: setup, step: step)
        let headRate = settings.optimizer.headLearningRate * schedule.multiplier(step: step)
        for entry in trainable.trainedRanges(layout) {
            optimizer.update(
                parameters.columns(entry.range), firstMoments: firstMoment.columns(entry.range),
                secondMoments: secondMoment.columns(entry.range), gradients: gradient.columns(entry.range),
                gradientScale: Float(clip), learningRate: entry.group == .head ? headRate : adapterRate,
                weightDecay: settings.optimizer.weightDecay, step: step + 1)
        }
        step += 1
        return StepOutcome(
            step: header.step, loss: vector.scale.mean(sums.sums[vector.lossIndex]), gradientNorm: norm,
            learningRate: adapterRate, digest: digest, exampleCount: header.exampleCount,
            tokenCount: header.tokenCount)
    }

    /// The reduced sums of a scoring pass, one a projection, in fixed point.
    package func scores(_ sums: ExactAccumulator, _ header: StepHeader) throws -> [Int64] {
        let vector = reducedVector(header)
        try vector.checkLanes(sums)
        switch header.kind {
        case .importance:
            return Array(sums.sums[vector.values])
        case .gradientScore:
            sums.means(of: vector.values, scale: vector.scale, into: gradient)
            return try ParameterScores.integers(
                of: ParameterScores.saliencies(layout, values: parameters.values, gradients: gradient.values))
        case .train, .predict, .generate:
            preconditionFailure("\(header.kind) gives no scores")
        }
    }
}

extension PhaseTrainer {
    /// The logits of every example of `shards`, shard by shard as they are done, on any slot's thread.
    package func predict(
        _ shards: [Shard],
        answered: @escaping @Sendable (Shard, [Prediction], _ nanoseconds: UInt64) throws -> Void
    ) throws {
        let computer = self.computer
        try pool.forEach(count: shards.count) { slot, index in
            let began = DispatchTime.now().uptimeNanoseconds
            let predictions = try computer.predict(shards[index], slot: slot)
            try answered(shards[index], predictions, DispatchTime.now().uptimeNanoseconds - began)
        }
    }
}

extension PhaseTrainer {
    /// A text after every example of `shards`, shard by shard as they are done, on any slot's thread.
    /// - Parameters:
    ///   - round: Called for every token that a shard's texts got; what it throws breaks the work off.
    ///   - answered: Told each shard's texts, and how many nanoseconds they took.
    /// - Throws: `TrainingError` for a model that generates none; `GenerationError`, `TransformerError` for a prompt.
    package func generate(
        _ shards: [Shard], by settings: GenerationSettings, round: @escaping @Sendable () throws -> Void,
        answered: @escaping @Sendable (Shard, [GeneratedText], _ nanoseconds: UInt64) throws -> Void
    ) throws {
        let computer = self.computer
        try pool.forEach(count: shards.count) { slot, index in
            let began = DispatchTime.now().uptimeNanoseconds
            let texts = try computer.generate(shards[index], slot: slot, by: settings, round: round)
            try answered(shards[index], texts, DispatchTime.now().uptimeNanoseconds - began)
        }
    }
}

/// What the slots of a worker need to turn a shard into sums or predictions.
///
/// Nothing in it changes during a job.
struct ShardComputer: Sendable {
    let model: any TaskModel
    let settings: ComputeSettings
    let layout: ParameterLayout
    let phase: Phase
    let dropoutProbability: Float
    let labelCount: Int
    let slots: [Slot]
    /// Called after each layer of each shard, on the slot's thread.
    let layerDone: @Sendable () -> Void

    /// What one compute thread owns.
    ///
    /// `@unchecked Sendable`: a slot's buffers are used by its own thread during a job, and by nobody between jobs.
    struct Slot: @unchecked Sendable {
        let workspace: Workspace
        let gradient: Matrix
        let bound: BoundParameters
    }

    /// Adds one shard to the sums and marks its lane.
    func add(_ shard: Shard, slot: Int, to sums: inout ExactAccumulator, _ vector: ReducedVector) throws {
        let bound = slots[slot].bound
        let pass = ShardPass(
            shard, branches: bound.branches, head: bound.head, workspace: slots[slot].workspace,
            layerDone: layerDone)
        try model.check(pass.batch)
        if vector.header.kind != .importance {
            try checkTargets(of: shard)
        }
        do {
            switch vector.header.kind {
            case .train:
                try addGradient(of: pass, slots[slot], to: &sums, vector, dropout(step: vector.header.step))
            case .gradientScore:
                try addGradient(of: pass, slots[slot], to: &sums, vector, nil)
            case .importance:
                try addImportance(of: pass, to: &sums, vector)
            case .predict, .generate:
                preconditionFailure("answers are not summed")
            }
        } catch let refusal as FixedPointRefusal {
            throw error(for: refusal, shard: shard, vector)
        }
        sums.sums[vector.laneIndex(ofShard: shard.index)] += 1
    }

    /// What came from elsewhere must fit the loss and the head before it is computed with.
    private func checkTargets(of shard: Shard) throws(TrainingError) {
        for example in shard.examples where !settings.loss.accepts(example, labelCount: labelCount) {
            throw TrainingError(
                code: .badData,
                message: "shard \(shard.index), row \(example.index): the target \(example.target) does not fit a head "
                    + "of \(labelCount) labels")
        }
    }

    /// Forward, loss and backward of one shard; its gradient goes into the exact sums.
    private func addGradient(
        of pass: ShardPass, _ slot: Slot, to sums: inout ExactAccumulator, _ vector: ReducedVector,
        _ dropout: InputDropout?
    ) throws {
        slot.gradient.fill(0)
        let loss = slot.workspace.scope {
            model.addGradients(pass, loss: settings.loss, dropout: dropout, recomputes: settings.recomputes)
        }
        try ComputeClock.count(.exactSum) {
            // The gradient goes first: where it is no number, its tensor says more than the loss does.
            try sums.add(slot.gradient, at: vector.values.lowerBound, scale: vector.scale)
            try sums.add(loss, at: vector.lossIndex, scale: vector.scale)
        }
    }

    /// Squared norms of the LoRA outputs over all tokens of one shard (arXiv 2402.07721), into the exact sums.
    private func addImportance(
        of pass: ShardPass, to sums: inout ExactAccumulator, _ vector: ReducedVector
    ) throws {
        var importance = OutputImportance(branches: pass.branches)
        pass.workspace.scope {
            model.observe(pass) { projection, z in importance.add(projection: projection, lowRank: z) }
        }
        for (projection, sum) in importance.sums.enumerated() {
            try sums.add(sum, at: projection, scale: vector.scale)
        }
    }

    /// The logits of every example of a shard.
    func predict(_ shard: Shard, slot: Int) throws -> [Prediction] {
        try model.predict(
            shard, branches: slots[slot].bound.branches, head: slots[slot].bound.head,
            workspace: slots[slot].workspace, layerDone: layerDone)
    }

    /// A text after every example of a shard.
    func generate(
        _ shard: Shard, slot: Int, by settings: GenerationSettings, round: () throws -> Void
    ) throws -> [GeneratedText] {
        try model.generate(
            shard, branches: slots[slot].bound.branches, by: settings, workspace: slots[slot].workspace, round: round)
    }

    private func dropout(step: Int) -> InputDropout? {
        guard dropoutProbability > 0 else { return nil }
        let seed = settings.seed
        let phase = phase.rawValue
        return InputDropout(probability: dropoutProbability, step: UInt32(step)) { projection in
            RandomStream(seed: seed, purpose: .inputDropout, phase: phase, index: UInt32(projection))
        }
    }

    private func error(for refusal: FixedPointRefusal, shard: Shard, _ vector: ReducedVector) -> TrainingError {
        let header = vector.header
        let what: String
        if header.kind == .importance {
            what = "the importance of \(model.projections[refusal.index].path)"
        } else if refusal.index == vector.lossIndex {
            what = "the loss"
        } else {
            what = "the gradient of \(layout.location(of: refusal.index).tensor.name)"
        }
        return TrainingError(
            code: .notFinite,
            message: "step \(header.step) of the \(phase.name), shard \(shard.index) (rows "
                + "\(shard.examples.map { String($0.index) }.joined(separator: ", "))): \(what): \(refusal). Try a lower "
                + "training.learning_rate, or look at these rows")
    }
}
