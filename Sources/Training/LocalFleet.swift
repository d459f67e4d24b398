//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
package import Digests
import Foundation
import LoRA
import Tensors
import Transformer

/// The threads of this process as a fleet: a complete trainer without any network.
package final class LocalFleet: Fleet {
    private let model: any TaskModel
    private let settings: ComputeSettings
    private let trainable: TrainableModel
    private let pool: SlotPool
    private var trainer: PhaseTrainer?

    package init(model: any TaskModel, settings: ComputeSettings, trainable: TrainableModel, slots: Int) {
        self.model = settings.prepared(model)
        self.settings = settings
        self.trainable = trainable
        pool = SlotPool(slotCount: slots)
    }

    package func begin(_ setup: PhaseSetup) throws -> Digest {
        let trainer = try PhaseTrainer(
            model: model, settings: settings, trainable: trainable, setup: setup, pool: pool)
        self.trainer = trainer
        return trainer.digest
    }

    package func train(
        _ steps: Range<Int>, work: (Int) throws -> StepWork, committed: (StepOutcome) throws -> Bool
    ) throws {
        let trainer = current()
        for step in steps {
            let work = try work(step)
            let sums = try trainer.localSums(work.header, shards: work.shards)
            // The optimiser runs on this thread, in the same mode as on a worker's.
            var outcome = try FloatingPointMode.flushingDenormals { try trainer.commit(sums, work.header) }
            outcome.examples = work.exampleIDs
            guard try committed(outcome) else { return }
        }
    }

    package func sums(of work: StepWork) throws -> [Int64] {
        let trainer = current()
        let sums = try trainer.localSums(work.header, shards: work.shards)
        return try FloatingPointMode.flushingDenormals { try trainer.scores(sums, work.header) }
    }

    package func predict(_ work: StepWork) throws -> [Prediction] {
        let gathered = Gathered<Prediction>()
        try current().predict(work.shards) { _, predictions, _ in gathered.add(predictions) }
        return gathered.all
    }

    package func generate(_ work: StepWork) throws -> [GeneratedText] {
        let gathered = Gathered<GeneratedText>()
        try current().generate(
            work.shards, by: work.textSettings, round: {}, answered: { _, texts, _ in gathered.add(texts) })
        return gathered.all
    }

    package func snapshot() throws -> TrainingState {
        current().state
    }

    private func current() -> PhaseTrainer {
        guard let trainer else { preconditionFailure("work before the first phase") }
        return trainer
    }
}
