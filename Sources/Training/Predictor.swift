//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Foundation
import Generation
package import LoRA
import Tensors
import Transformer

/// Those who answer examples: a fleet in the middle of a run, or a finished model.
///
/// A shard is computed by one sequence of calls, `SequenceClassifier.predict`, whoever asks for it. So the same shards
/// and the same numbers give the same bits in a run's evaluation, in `evaluate` and in `predict` (docs/numerics.md).
package protocol Predictor: AnyObject {
    /// The logits of every example of the work's shards, in any order.
    func predict(_ work: StepWork) throws -> [Prediction]

    /// A text after every example of the work's shards, in any order.
    func generate(_ work: StepWork) throws -> [GeneratedText]
}

/// A model with trained numbers that no longer change.
package final class FixedModel: Predictor {
    private let model: any TaskModel
    private let parameters: TrainableParameters
    private let pool: SlotPool
    private let workspaces: SlotWorkspaces

    /// - Parameters:
    ///   - parameters: In a layout of this model's projections.
    ///   - slots: Shards that are computed at a time, one thread each; the result does not depend on it.
    package init(model: any TaskModel, parameters: TrainableParameters, slots: Int) {
        precondition(
            parameters.branches.count == model.projections.count,
            "\(parameters.branches.count) branches for \(model.projections.count) projections")
        self.model = model
        self.parameters = parameters
        pool = SlotPool(slotCount: slots)
        workspaces = SlotWorkspaces(count: slots)
    }

    package func predict(_ work: StepWork) throws -> [Prediction] {
        let gathered = Gathered<Prediction>()
        let (model, parameters, workspaces) = (model, parameters, workspaces)
        try pool.forEach(count: work.shards.count) { slot, index in
            gathered.add(
                try model.predict(
                    work.shards[index], branches: parameters.branches, head: parameters.head,
                    workspace: workspaces[slot]))
        }
        return gathered.all
    }

    package func generate(_ work: StepWork) throws -> [GeneratedText] {
        let how = work.textSettings
        let gathered = Gathered<GeneratedText>()
        let (model, parameters, workspaces) = (model, parameters, workspaces)
        try pool.forEach(count: work.shards.count) { slot, index in
            gathered.add(
                try model.generate(
                    work.shards[index], branches: parameters.branches, by: how, workspace: workspaces[slot]))
        }
        return gathered.all
    }
}

extension StepWork {
    /// How texts are generated.
    /// - Precondition: That is this work.
    var textSettings: GenerationSettings {
        guard let generation else { preconditionFailure("\(kind) generates no texts") }
        return generation
    }
}

/// One workspace a slot.
///
/// `@unchecked Sendable`: a slot's workspace is used by its own thread during a job, and by nobody between jobs.
private final class SlotWorkspaces: @unchecked Sendable {
    private let workspaces: [Workspace]

    init(count: Int) {
        workspaces = (0..<count).map { _ in Workspace() }
    }

    subscript(slot: Int) -> Workspace { workspaces[slot] }
}

/// Answers from several slots.
///
/// `@unchecked Sendable`: the array is behind `lock`.
final class Gathered<Answer: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var answers: [Answer] = []

    func add(_ more: [Answer]) {
        lock.withLock { answers += more }
    }

    var all: [Answer] { lock.withLock { answers } }
}
