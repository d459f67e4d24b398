//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
package import Digests
import ExactSums
import LoRA
import Tensors
import Transformer

/// One worker's share of a phase: the state, and the slots that compute shards from it.
///
/// The path of a batch through it is in `TrainingStep.swift`. What makes it part of a cluster is that `localSums` and
/// `commit` are two calls: between them the sums of all workers are added up, or not, if there is only this one.
package final class PhaseTrainer {
    let model: any TaskModel
    let settings: ComputeSettings
    let trainable: TrainableModel
    package let setup: PhaseSetup
    let layout: ParameterLayout
    let schedule: LearningRateSchedule
    let optimizer: AdamW
    let pool: SlotPool
    let computer: ShardComputer

    /// The state, each a matrix [1, parameters]; written by `commit` alone.
    let parameters: Matrix
    let firstMoment: Matrix
    let secondMoment: Matrix
    /// The mean gradient of the step that is being committed.
    let gradient: Matrix
    /// Steps done.
    package internal(set) var step: Int

    /// Takes up a phase.
    /// - Parameters:
    ///   - model: As `ComputeSettings.prepared` gives it.
    ///   - layerDone: Called after each layer that a shard went through, forward and backward, on the slot's thread: a
    ///     sign of progress where a shard takes minutes.
    /// - Throws: `TrainingError` with `.wrongState` if the state does not fit the layout.
    package init(
        model: any TaskModel, settings: ComputeSettings, trainable: TrainableModel, setup: PhaseSetup,
        pool: SlotPool, layerDone: @escaping @Sendable () -> Void = {}
    ) throws {
        precondition(
            model.precision == settings.matmulPrecision,
            "a model that computes at \(model.precision) for settings of \(settings.matmulPrecision)")
        self.model = model
        self.settings = settings
        self.trainable = trainable
        self.setup = setup
        self.pool = pool
        guard setup.assignment.roles.count == trainable.projections.count else {
            throw TrainingError(
                code: .wrongState,
                message: "\(setup.assignment.roles.count) projections were assigned, this model has "
                    + "\(trainable.projections.count): coordinator and worker have different config.json files")
        }
        layout = trainable.layout(setup.assignment)
        schedule = settings.schedule(of: setup)
        optimizer = AdamW(
            firstDecay: settings.optimizer.beta1, secondDecay: settings.optimizer.beta2,
            epsilon: settings.optimizer.epsilon)

        let state =
            setup.state
            ?? TrainingState(
                phase: setup.phase,
                initial: trainable.initialParameters(setup.assignment, phase: setup.phase, seed: settings.seed))
        guard state.phase == setup.phase, state.parameters.count == layout.count, state.step <= setup.totalSteps else {
            throw TrainingError(
                code: .wrongState,
                message: "a state of the phase \(state.phase.name) at step \(state.step) with "
                    + "\(state.parameters.count) parameters does not fit the phase \(setup.phase.name) of "
                    + "\(setup.totalSteps) steps with \(layout.count) parameters")
        }
        let count = layout.count
        func row(_ values: [Float]) -> Matrix { Matrix(rows: 1, columns: count, values: values) }
        let parameters = row(state.parameters)
        self.parameters = parameters
        firstMoment = row(state.firstMoment)
        secondMoment = row(state.secondMoment)
        gradient = Matrix(rows: 1, columns: count)
        step = state.step
        var slots: [ShardComputer.Slot] = []
        for _ in 0..<pool.slotCount {
            let gradient = Matrix(rows: 1, columns: count)
            slots.append(
                ShardComputer.Slot(
                    workspace: Workspace(), gradient: gradient,
                    bound: trainable.bind(layout, parameters: parameters, gradients: gradient)))
        }
        computer = ShardComputer(
            model: model, settings: settings, layout: layout, phase: setup.phase,
            dropoutProbability: Float(trainable.lora.dropout),
            labelCount: trainable.head.classifier?.outputSize ?? 0, slots: slots, layerDone: layerDone)
    }

    /// The state after the last committed step.
    package var state: TrainingState {
        TrainingState(
            phase: setup.phase, step: step, parameters: parameters.values, firstMoment: firstMoment.values,
            secondMoment: secondMoment.values)
    }

    /// The state's digest.
    package var digest: Digest { state.digest }

    /// Where the loss stands in the sums of a training step.
    package func lossIndex(_ header: StepHeader) -> Int { reducedVector(header).lossIndex }

    /// How long the vector is that is summed for work of this kind.
    func reducedVector(_ header: StepHeader) -> ReducedVector {
        switch header.kind {
        case .train, .gradientScore: ReducedVector(valueCount: layout.count, header: header)
        case .importance: ReducedVector(valueCount: model.projections.count, header: header)
        case .predict, .generate: preconditionFailure("answers are not summed")
        }
    }
}

extension PackedSequences {
    /// A shard's examples, end to end.
    init(_ shard: Shard) {
        var starts = [0]
        var tokenIDs: [Int32] = []
        var tokenTypeIDs: [Int32] = []
        for example in shard.examples {
            tokenIDs += example.tokenIDs
            tokenTypeIDs += example.tokenTypeIDs
            starts.append(tokenIDs.count)
        }
        self.init(
            tokenIDs: tokenIDs, tokenTypeIDs: tokenTypeIDs, starts: starts, exampleIDs: shard.examples.map(\.index))
    }
}
