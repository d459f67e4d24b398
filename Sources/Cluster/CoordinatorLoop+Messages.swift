//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Datasets
import Digests
import Generation
import RunRecords
import SecureTransport
import Training
import Wire

// Messages of workers become events; directives of the state machine become messages.
extension CoordinatorLoop {
    func take(_ message: ControlMessage, fromWorker name: String, _ link: Link) throws {
        let now = clock()
        switch message {
        case .linksReady(let ready):
            perform(state.handle(.linksReady(worker: name, generation: UInt32(ready.generation)), at: now))
        case .heartbeat(let heartbeat):
            log.heard(heartbeat, from: name)
            perform(state.handle(.stageReported(worker: name, stage: WorkerStage(heartbeat)), at: now))
        case .phaseReady(let ready):
            perform(state.handle(.phaseReady(worker: name, step: ready.step, digest: ready.digest), at: now))
        case .stepReport(let report):
            try take(report, from: name, now)
        case .predictionReport(let report):
            try take(report, from: name, now)
        case .textReport(let report):
            try take(report, from: name, now)
        case .snapshot(let snapshot):
            guard try TrainingState(bytes: snapshot.state).digest.bytes == snapshot.digest else {
                throw ClusterError(code: .unexpectedMessage, message: "it sent a state that has another digest")
            }
            received = snapshot
            perform(
                state.handle(.stateReceived(worker: name, step: snapshot.step, digest: snapshot.digest), at: now))
        case .halted(let halted):
            let held = halted.digest.isEmpty ? nil : HeldState(step: halted.step, digest: halted.digest)
            perform(
                state.handle(.halted(worker: name, generation: UInt32(halted.generation), state: held), at: now))
        case .logBatch(let batch):
            perform(state.handle(.heard(worker: name), at: now))
            if let written = log.take(batch, from: name) {
                send(.logAcknowledgement(written), to: name)
            }
        case .failure(let failure):
            perform(
                state.handle(
                    .failureReported(worker: name, trouble: WorkerTrouble(failure), message: failure.message), at: now))
        case .farewell(let farewell):
            drop(link)
            perform(
                state.handle(.disconnected(worker: name, reason: "it left: \(farewell.message)"), at: now))
        case .hello, .welcome, .refusal, .roster, .phaseStart, .shardAssignment, .snapshotRequest, .halt,
            .logAcknowledgement, .modelRequest, .modelManifest, .modelPieceRequest, .modelPiece, .modelQueue:
            throw ClusterError(code: .unexpectedMessage, message: "it sent a message that has no place here")
        }
    }

    private func take(_ report: StepReport, from name: String, _ now: UInt64) throws {
        let id = WorkIdentity(kind: report.workKind, step: report.step).number
        guard var work = given[id] else {
            throw ClusterError(
                code: .unexpectedMessage, message: "it reports step \(report.step), which is not under way")
        }
        let mine = report.shardTimes.map(\.shard)
        guard mine.allSatisfy({ $0 < work.work.shards.count }) else {
            throw ClusterError(code: .unexpectedMessage, message: "it reports a shard that step \(report.step) lacks")
        }
        let sumCount = report.workKind == .train ? 0 : greeting.projectionCount
        guard report.reducedSums.count == sumCount else {
            throw ClusterError(
                code: .unexpectedMessage,
                message: "it reports \(report.reducedSums.count) sums of step \(report.step), expected \(sumCount)")
        }
        work.reports[name] = report
        given[id] = work
        let tokens = mine.reduce(0) { $0 + work.work.shards[$1].tokenCount }
        perform(
            state.handle(
                .collectiveReported(
                    worker: name,
                    report: CollectiveReport(
                        work: id, generation: UInt32(report.generation), state: report.digest,
                        result: result(of: report),
                        tokens: tokens, nanoseconds: UInt64(report.computeNanoseconds),
                        audits: Dictionary(uniqueKeysWithValues: report.audits.map { ($0.shard, $0.digest) }))), at: now
            ))
    }

    /// What everyone must agree on: the state after a step, its loss and norm, the sums of a pass.
    private func result(of report: StepReport) -> [UInt8] {
        let numbers = [report.lossSum, Int64(bitPattern: report.gradientNorm.bitPattern)] + report.reducedSums
        return report.digest + numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
    }

    private func take(_ report: PredictionReport, from name: String, _ now: UInt64) throws {
        let id = WorkIdentity(kind: .evaluate, step: report.workID).number
        var work = try answered(id, pass: report.workID, shard: report.shardIndex, examples: report.exampleIDs)
        guard report.labelCount == greeting.labelCount else {
            throw ClusterError(
                code: .unexpectedMessage,
                message: "its answers have \(report.labelCount) logits, expected \(greeting.labelCount)")
        }
        try requireOwed(by: name, id, shard: report.shardIndex)
        for (row, example) in report.exampleIDs.enumerated() {
            let start = row * report.labelCount
            work.predictions.append(
                Prediction(
                    example: UInt32(example), logits: Array(report.logits[start..<start + report.labelCount])))
        }
        given[id] = work
        perform(state.handle(.shardReported(worker: name, work: id, shard: report.shardIndex), at: now))
    }

    private func take(_ report: TextReport, from name: String, _ now: UInt64) throws {
        let id = WorkIdentity(kind: .generate, step: report.workID).number
        var work = try answered(id, pass: report.workID, shard: report.shardIndex, examples: report.exampleIDs)
        let most = work.work.generation?.newTokens ?? 0
        guard report.texts.allSatisfy({ $0.count <= most }) else {
            throw ClusterError(
                code: .unexpectedMessage, message: "a text of shard \(report.shardIndex) has more than \(most) tokens")
        }
        try requireOwed(by: name, id, shard: report.shardIndex)
        work.texts += zip(report.exampleIDs, report.texts).map { GeneratedText(example: UInt32($0), tokens: $1) }
        given[id] = work
        perform(state.handle(.shardReported(worker: name, work: id, shard: report.shardIndex), at: now))
    }

    /// The work that an answer of one shard is for.
    private func answered(_ id: UInt64, pass: Int, shard: Int, examples: [Int]) throws -> GivenWork {
        guard let work = given[id], shard < work.work.shards.count else {
            throw ClusterError(code: .unexpectedMessage, message: "it answers shard \(shard) of pass \(pass)")
        }
        guard examples == work.work.shards[shard].examples.map({ Int($0.index) }) else {
            throw ClusterError(
                code: .unexpectedMessage, message: "its answer for shard \(shard) has other examples")
        }
        return work
    }

    private func requireOwed(by name: String, _ id: UInt64, shard: Int) throws {
        guard state.owes(name, work: id, shard: shard) else {
            throw ClusterError(
                code: .unexpectedMessage, message: "it answers shard \(shard), which it does not owe")
        }
    }

    /// Who computed how much of a piece of work that is done.
    private func count(_ done: GivenWork, _ work: UInt64) {
        costs.update { costs in
            for (worker, report) in done.reports {
                let shards = report.shardTimes.map(\.shard)
                costs.report(
                    worker, work: work, shards: shards.count,
                    tokens: shards.reduce(0) { $0 + done.work.shards[$1].tokenCount },
                    computing: Double(report.computeNanoseconds) * 1e-9,
                    exchanging: Double(report.exchangeNanoseconds) * 1e-9)
            }
            costs.done(work)
        }
    }

    /// Carries out directives in the order in which the state machine gave them.
    ///
    /// A message that cannot be sent loses its worker, which is an event of its own: what follows from it comes after
    /// everything that was to be done before.
    func perform(_ directives: [CoordinatorState.Directive]) {
        upcoming += directives
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        while !upcoming.isEmpty {
            let directive = upcoming.removeFirst()
            do {
                try perform(directive)
            } catch {
                fail(
                    RunFailure(
                        code: .workerFailed, workers: [], description: "a message to a worker cannot be made: \(error)")
                )
            }
        }
    }

    private func perform(_ directive: CoordinatorState.Directive) throws {
        switch directive {
        case .refuse(let worker, let refusal):
            try refuse(worker, refusal)
        case .welcome(let worker):
            try welcome(worker)
        case .dismiss(let worker, let reason):
            dismiss(worker, reason)
        case .formLinks(let roster):
            for id in given.keys {
                given[id]?.audits = []
            }
            let message = try Wire.Roster(roster)
            for member in roster.members {
                send(.roster(message), to: member.name)
            }
        case .rosterReady(let roster):
            log.rosterReady(roster)
            if !hasRoster {
                hasRoster = true
                bridge.deliver(.rosterReady)
            }
        case .fenced(let generation, let reason):
            log.write(.warning, "generation-over", "generation \(generation) is over: \(reason)")
        case .halt(let worker, let generation):
            send(.halt(try Halt(generation: Int(generation))), to: worker)
        case .waiting(let missing):
            log.write(.warning, "waiting", "waiting for \(missing) worker\(missing == 1 ? "" : "s") to join")
        case .deviation(let workers, let description):
            log.write(.error, "deviation", "\(workers.joined(separator: ", ")): \(description)")
        case .beginPhase(let worker):
            if let phaseStart {
                send(.phaseStart(phaseStart), to: worker)
            }
        case .phaseBegan(let digest):
            begunPhase = phaseStart
            bridge.deliver(.phaseBegan(digest: digest))
        case .fetchState(let worker, let step):
            send(.snapshotRequest(try SnapshotRequest(step: step)), to: worker)
        case .deliverState:
            if let received {
                bridge.deliver(.snapshot(received))
            }
            received = nil
        case .equip(let worker):
            // Of the phase that the state belongs to; the run may have asked for the next one meanwhile.
            if let begunPhase, let received {
                send(.phaseStart(try begunPhase.goingOn(from: received)), to: worker)
            }
        case .audit(let work, let shard, let owner, let auditor):
            given[work]?.audits.append((shard, owner, auditor))
        case .assign(let worker, let work, let shards):
            guard let piece = given[work], let generation = state.roster?.generation else { return }
            let assignment = try ShardAssignment(
                piece.work, shards: shards,
                reported: Set(piece.audits.filter { $0.owner == worker }.map(\.shard)),
                recomputed: Set(piece.audits.filter { $0.auditor == worker }.map(\.shard)), generation: generation)
            send(.shardAssignment(assignment), to: worker)
        case .workDone(let work, let digest):
            guard let done = given.removeValue(forKey: work) else { return }
            count(done, work)
            switch done.work.kind {
            case .predict:
                bridge.deliver(.predicted(done.predictions))
                return
            case .generate:
                bridge.deliver(.generated(done.texts))
                return
            case .train, .importance, .gradientScore: break
            }
            // A pass leaves the state as it is, and reports of an earlier generation may have been in dispute.
            let reports = done.reports.values.filter { $0.digest == digest }
            guard let report = reports.max(by: { $0.generation < $1.generation }) else {
                preconditionFailure("work \(work) is done, and nobody reported the state that it led to")
            }
            bridge.deliver(done.work.kind == .train ? .stepDone(report) : .sumsDone(report.reducedSums))
        case .stateLost(let failure):
            given = [:]
            phaseStart = nil
            begunPhase = nil
            received = nil
            bridge.deliver(.failed(failure))
        case .endRun(let failure):
            fail(failure)
        }
    }
}
