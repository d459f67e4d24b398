//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import Coordination
import Datasets
import Digests
import ExactSums
import Foundation
import LoRA
import RunRecords
import SecureTransport
import Tensors
import Training
import Transformer
import Wire

/// The computing side of a worker: carries out tasks in order and answers with messages.
///
/// One thread runs it; the slots' threads compute for it.
final class WorkerEngine {
    private let name: String
    private let model: any TaskModel
    private let settings: ComputeSettings
    private let trainable: TrainableModel
    private let mailbox: WorkerMailbox
    private let links: DataLinkFormation
    private let log: WorkerLog
    private let fault: ComputeFault?
    private let pool: SlotPool
    /// How many times as long as it takes a shard is made to last.
    private let slowness: Double
    private var exchange: GradientExchange?
    private var trainer: PhaseTrainer?

    init(
        name: String, model: any TaskModel, settings: ComputeSettings, trainable: TrainableModel, slots: Int,
        mailbox: WorkerMailbox, links: DataLinkFormation, log: WorkerLog, fault: ComputeFault? = nil,
        slowness: Double = 1
    ) {
        self.name = name
        self.model = settings.prepared(model)
        self.settings = settings
        self.trainable = trainable
        self.mailbox = mailbox
        self.links = links
        self.log = log
        self.fault = fault
        self.slowness = slowness
        pool = SlotPool(slotCount: slots)
    }

    /// Works until the mailbox is closed or something goes wrong, which the coordinator is told.
    func run() {
        FloatingPointMode.flushDenormals()
        while let task = mailbox.nextTask() {
            do {
                try carryOut(task)
                mailbox.progress = WorkerMailbox.Progress()
                _ = try mailbox.ended(.done)
            } catch {
                guard breakOff(error) else { return }
            }
        }
    }

    private func carryOut(_ task: WorkerMailbox.Task) throws {
        switch task {
        case .formLinks(let order, _): try carryOut(order)
        case .beginPhase(let order): try carryOut(order)
        case .compute(let order, _): try carryOut(order)
        case .sendState(let order): try carryOut(order)
        case .halt(let generation):
            exchange = nil
            let state = trainer.map { (step: $0.step, digest: $0.digest.bytes) }
            log.write(.info, "halted", "generation \(generation) is over; at step \(state?.step ?? 0)")
            mailbox.post(
                .halted(
                    try Halted(generation: Int(generation), step: state?.step ?? 0, digest: state?.digest ?? [])))
        }
    }

    private func carryOut(_ order: WorkerMailbox.Order) throws {
        switch order {
        case .roster(let roster):
            exchange = nil
            let formed = try links.form(roster, cancellation: mailbox.cancellation)
            exchange = GradientExchange(formed)
            log.write(.info, "links-ready", "\(roster.members.count - 1) data links of generation \(roster.generation)")
            mailbox.post(.linksReady(try LinksReady(generation: roster.generation)))
        case .phase(let start):
            let trainer = try PhaseTrainer(
                model: model, settings: settings, trainable: trainable, setup: try start.setup(), pool: pool,
                layerDone: { [mailbox] in mailbox.roundDone() })
            self.trainer = trainer
            log.write(.info, "phase-begins", "\(trainer.setup.phase.name) from step \(trainer.step)")
            mailbox.post(.phaseReady(try PhaseReady(step: trainer.step, digest: trainer.digest.bytes)))
        case .work(let assignment):
            try compute(assignment)
        case .snapshot(let request):
            let state = try current().state
            guard state.step == request.step else {
                throw ClusterError(
                    code: .unexpectedMessage,
                    message: "a snapshot of step \(request.step) was asked for, the state is at step \(state.step)")
            }
            mailbox.post(
                .snapshot(try Snapshot(step: state.step, digest: state.digest.bytes, state: state.bytes)))
        }
    }

    private func compute(_ assignment: ShardAssignment) throws {
        mailbox.progress = WorkerMailbox.Progress(work: assignment.workKind, step: assignment.step)
        switch assignment.workKind {
        case .evaluate: return try predict(assignment)
        case .generate: return try generate(assignment)
        case .train, .importance, .gradientScore: break
        }
        let trainer = try current()
        guard let exchange else {
            throw ClusterError(code: .unexpectedMessage, message: "work was assigned before the roster")
        }
        let header = assignment.header
        let times = ShardTimes()
        let began = MonotonicClock.now()
        let isFineTuning = trainer.setup.phase == .fineTune && header.kind == .train
        let fault = isFineTuning && fault?.fires(at: header.step + 1) == true ? fault : nil
        let audit = assignment.audit(alters: fault?.kind == .alterGradient)
        let shards = assignment.trainingShards
        let local = try trainer.localSums(header, shards: fault?.counted(shards) ?? shards, audit: audit) {
            [mailbox, slowness] shard, nanoseconds in
            times.add(shard, nanoseconds + Self.linger(after: nanoseconds, slowness))
            mailbox.shardDone()
            try mailbox.checkInterruption()
        }
        let computed = MonotonicClock.now()
        mailbox.progress.isExchanging = true
        let reduced = try exchange.sum(local)
        let exchanged = MonotonicClock.now()

        var lossSum: Int64 = 0
        var gradientNorm = 0.0
        var scores: [Int64] = []
        let digest: Digest
        if header.kind == .train {
            let outcome = try trainer.commit(reduced, header)
            digest = outcome.digest
            lossSum = reduced.sums[trainer.lossIndex(header)]
            gradientNorm = outcome.gradientNorm
        } else {
            scores = try trainer.scores(reduced, header)
            digest = trainer.digest
        }
        mailbox.post(
            .stepReport(
                try StepReport(
                    generation: assignment.generation, workKind: assignment.workKind, step: assignment.step,
                    digest: digest.bytes, lossSum: lossSum, lossCount: header.lossCount,
                    gradientNorm: gradientNorm, shardTimes: times.sorted,
                    computeNanoseconds: Int(computed.nanoseconds - began.nanoseconds),
                    exchangeNanoseconds: Int(exchanged.nanoseconds - computed.nanoseconds), reducedSums: scores,
                    audits: audit.digests.sorted { $0.key < $1.key }.map {
                        StepReport.Audit(shard: $0.key, digest: $0.value.bytes)
                    })))
    }

    private func predict(_ assignment: ShardAssignment) throws {
        let mailbox = self.mailbox
        let generation = assignment.generation
        let step = assignment.step
        try current().predict(assignment.trainingShards) { [slowness] shard, predictions, nanoseconds in
            _ = Self.linger(after: nanoseconds, slowness)
            let report = try PredictionReport(
                generation: generation, workID: step, shardIndex: shard.index,
                exampleIDs: predictions.map { Int($0.example) }, labelCount: predictions[0].logits.count,
                logits: predictions.flatMap(\.logits))
            mailbox.shardDone()
            mailbox.post(.predictionReport(report))
            try mailbox.checkInterruption()
        }
    }

    private func generate(_ assignment: ShardAssignment) throws {
        let mailbox = self.mailbox
        let (generation, step) = (assignment.generation, assignment.step)
        try current().generate(
            assignment.trainingShards, by: settings.generation(endTokens: assignment.endTokenIDs),
            // A text takes long: its progress is told of, and an interruption heard, token by token.
            round: {
                mailbox.roundDone()
                try mailbox.checkInterruption()
            },
            answered: { [slowness] shard, texts, nanoseconds in
                _ = Self.linger(after: nanoseconds, slowness)
                let report = try TextReport(
                    generation: generation, workID: step, shardIndex: shard.index,
                    exampleIDs: texts.map { Int($0.example) }, texts: texts.map(\.tokens))
                mailbox.shardDone()
                mailbox.post(.textReport(report))
                try mailbox.checkInterruption()
            })
    }

    /// Makes a shard last longer, as on a slower machine; the slot's thread waits.
    /// - Returns: How long it waited, in nanoseconds.
    private static func linger(after nanoseconds: UInt64, _ slowness: Double) -> UInt64 {
        guard slowness > 1 else { return 0 }
        let pause = Double(nanoseconds) * (slowness - 1)
        Thread.sleep(forTimeInterval: pause * 1e-9)
        return UInt64(pause)
    }

    private func current() throws -> PhaseTrainer {
        guard let trainer else {
            throw ClusterError(code: .unexpectedMessage, message: "work was assigned before a phase began")
        }
        return trainer
    }

    /// Ends the task under way, which an error broke off.
    /// - Returns: Whether this worker can go on.
    private func breakOff(_ error: any Error) -> Bool {
        let code = Self.code(of: error)
        // A sum that was not applied, or a link: with new links everything can be done again.
        let canGoOn = [.peerLost, .deadline, .miscounted].contains(code)
        let progress = mailbox.progress
        mailbox.progress = WorkerMailbox.Progress()
        exchange = nil
        do {
            if try mailbox.ended(canGoOn ? .brokenOff : .failed) || !canGoOn {
                report(error, code, progress)
            }
        } catch {
            log.write(.error, LogEvents.workerFailed, "\(error)")
            return false
        }
        return canGoOn
    }

    private static func code(of error: any Error) -> Failure.Code {
        switch error {
        case let error as TrainingError where error.code == .notFinite: .notFinite
        case let error as TrainingError where error.code == .shardsMiscounted: .miscounted
        case is TrainingError: .setup
        case is WireError: .protocol
        case is MissingDataLinks: .deadline
        case let error as TransportError where error.code == .timedOut: .deadline
        case is TransportError, is CollectiveError: .peerLost
        default: .internal
        }
    }

    /// Tells the coordinator why this worker cannot go on with its task.
    private func report(_ error: any Error, _ code: Failure.Code, _ progress: WorkerMailbox.Progress) {
        var phase: Wire.Phase?
        if let trainer {
            phase = trainer.setup.phase == .probe ? .probe : .fineTune
        }
        log.write(
            code == .peerLost ? .warning : .error, LogEvents.workerFailed, "\(error)",
            fields: [
                "code": .text("\(code)"), "phase": .text(trainer?.setup.phase.name ?? "preparation"),
                "step": .integer(progress.step + 1),
            ])
        let text = String("\(error)".prefix(1000))
        do {
            mailbox.post(
                .failure(
                    try Failure(
                        code: code, message: text.isEmpty ? "\(type(of: error))" : text, phase: phase,
                        step: progress.step, shard: (error as? TrainingError)?.shard, tensor: "", peer: "",
                        unlinked: (error as? MissingDataLinks)?.workerRanks ?? [])))
        } catch {
            log.write(.error, LogEvents.workerFailed, "the failure itself cannot be reported: \(error)")
            mailbox.close()
        }
    }
}

/// How long each shard of a step took.
///
/// `@unchecked Sendable`: the list is behind `lock`.
private final class ShardTimes: @unchecked Sendable {
    private let lock = NSLock()
    private var times: [StepReport.ShardTime] = []

    func add(_ shard: Int, _ nanoseconds: UInt64) {
        lock.withLock { times.append(StepReport.ShardTime(shard: shard, nanoseconds: Int(nanoseconds))) }
    }

    var sorted: [StepReport.ShardTime] {
        lock.withLock { times.sorted { $0.shard < $1.shard } }
    }
}
