//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
package import Datasets
import Digests
import Generation
import LoRA
package import Training
package import Wire

// Between the values of the modules that know no network and the messages that know no model.

/// A piece of work's number in messages and in the coordinator's state machine: kind and step.
///
/// Two pieces with equal numbers are never under way at once, because a phase ends only when nothing is outstanding.
struct WorkIdentity: Hashable {
    let number: UInt64

    init(_ header: StepHeader) {
        self.init(kind: WorkKind(header.kind), step: header.step)
    }

    init(kind: WorkKind, step: Int) {
        number = UInt64(kind.rawValue) << 32 | UInt64(UInt32(truncatingIfNeeded: step))
    }
}

extension PhaseStart {
    init(_ setup: PhaseSetup) throws {
        let state = setup.state
        try self.init(
            phase: setup.phase == .probe ? .probe : .fineTune, totalSteps: setup.totalSteps,
            startStep: state?.step ?? 0,
            adapterOwners: setup.assignment.roles.map { role in
                switch role {
                case .absent: .absent
                case .own: .own
                case .shared: .shared
                }
            },
            stateDigest: state?.digest.bytes ?? [], state: state?.bytes ?? [])
    }

    /// The same phase from a state within it.
    func goingOn(from snapshot: Snapshot) throws -> PhaseStart {
        try PhaseStart(
            phase: phase, totalSteps: totalSteps, startStep: snapshot.step, adapterOwners: adapterOwners,
            stateDigest: snapshot.digest, state: snapshot.state)
    }

    /// What the worker sets up.
    func setup() throws -> PhaseSetup {
        let phase: Training.Phase = phase == .probe ? .probe : .fineTune
        var state: TrainingState?
        if !self.state.isEmpty {
            let received = try TrainingState(bytes: self.state)
            guard received.digest.bytes == stateDigest, received.step == startStep else {
                throw TrainingError(
                    code: .wrongState,
                    message: "the coordinator sent a state of step \(received.step) whose digest is not the stated one")
            }
            state = received
        }
        return PhaseSetup(
            phase: phase, totalSteps: totalSteps,
            assignment: AdapterAssignment(
                roles: adapterOwners.map { owner in
                    switch owner {
                    case .absent: .absent
                    case .own: .own
                    case .shared: .shared
                    }
                }), state: state)
    }
}

extension ShardAssignment {
    /// The part of `work` that a worker computes.
    /// - Parameter reported: Which of its shards' digests it reports.
    /// - Parameter recomputed: Shards of others whose digests it reports too.
    package init(
        _ work: StepWork, shards indexes: [Int], reported: Set<Int> = [], recomputed: Set<Int> = [], generation: UInt32
    ) throws {
        try self.init(
            generation: Int(generation), workKind: WorkKind(work.kind), step: work.step,
            shardCount: work.shards.count, exampleCount: work.exampleCount, tokenCount: work.tokenCount,
            lossCount: work.lossCount,
            shards: (indexes + recomputed).sorted().map { index in
                try ShardAssignment.Shard(
                    work.shards[index],
                    role: recomputed.contains(index) ? .recompute : reported.contains(index) ? .countAndReport : .count)
            }, endTokenIDs: work.generation?.endTokens ?? [])
    }

    /// What the work is and how much of it there is on all workers.
    package var header: StepHeader {
        StepHeader(
            kind: StepWork.Kind(workKind), step: step, shardCount: shardCount, exampleCount: exampleCount,
            tokenCount: tokenCount, lossCount: lossCount)
    }

    /// The shards that are counted here, as the trainer takes them.
    package var trainingShards: [Datasets.Shard] { shards { $0 != .recompute } }

    /// What is looked at shard by shard.
    func audit(alters: Bool) -> ShardAudit {
        ShardAudit(
            reported: Set(shards.filter { $0.role == .countAndReport }.map(\.index)),
            recomputed: shards { $0 == .recompute }, alters: alters)
    }

    private func shards(where isWanted: (Role) -> Bool) -> [Datasets.Shard] {
        shards.filter { isWanted($0.role) }.map { shard in
            Datasets.Shard(
                index: shard.index,
                examples: shard.examples.map { example in
                    TokenisedExample(
                        index: UInt32(example.exampleID), tokenIDs: example.tokenIDs,
                        tokenTypeIDs: example.tokenTypeIDs.isEmpty
                            ? [Int32](repeating: 0, count: example.tokenIDs.count) : example.tokenTypeIDs,
                        target: Datasets.Target(example.target))
                })
        }
    }
}

extension ShardAssignment.Shard {
    init(_ shard: Datasets.Shard, role: ShardAssignment.Role) throws {
        try self.init(
            index: shard.index,
            examples: shard.examples.map { example in
                try ShardAssignment.Example(
                    exampleID: Int(example.index), tokenIDs: example.tokenIDs,
                    tokenTypeIDs: example.tokenTypeIDs.contains { $0 != 0 } ? example.tokenTypeIDs : [],
                    target: ShardAssignment.Target(example.target))
            }, role: role)
    }
}

extension ShardAssignment.Target {
    init?(_ target: Datasets.Target) {
        switch target {
        case .none: return nil
        case .classIndex(let index): self = .classIndex(index)
        case .score(let score): self = .score(score)
        case .completion(let first): self = .completion(first)
        }
    }
}

extension Datasets.Target {
    init(_ target: ShardAssignment.Target?) {
        switch target {
        case nil: self = .none
        case .classIndex(let index): self = .classIndex(index)
        case .score(let score): self = .score(score)
        case .completion(let first): self = .completion(first: first)
        }
    }
}

extension WorkKind {
    init(_ kind: StepWork.Kind) {
        switch kind {
        case .train: self = .train
        case .importance: self = .importance
        case .gradientScore: self = .gradientScore
        case .predict: self = .evaluate
        case .generate: self = .generate
        }
    }
}

extension StepWork.Kind {
    init(_ kind: WorkKind) {
        switch kind {
        case .train: self = .train
        case .importance: self = .importance
        case .gradientScore: self = .gradientScore
        case .evaluate: self = .predict
        case .generate: self = .generate
        }
    }
}

extension WorkerFacts {
    init(_ hello: Hello) {
        self.init(
            protocolVersion: UInt32(hello.protocolVersion), build: hello.build, incarnation: hello.incarnation,
            slots: hello.slots, dataEndpoint: hello.dataEndpoint, numericProbe: hello.numericProbe,
            numericProbeDescription: hello.numericProbeDescription, modelFingerprint: hello.modelFingerprint)
    }
}

extension WorkerStage {
    init(_ heartbeat: Heartbeat) {
        guard let kind = heartbeat.work else {
            self = .idle
            return
        }
        let work = WorkIdentity(kind: kind, step: heartbeat.step).number
        self =
            heartbeat.isExchanging
            ? .exchanging(work: work)
            : .computing(work: work, shardsDone: heartbeat.shardsDone, roundsDone: heartbeat.roundsDone)
    }
}

extension Wire.Roster {
    init(_ roster: Coordination.Roster) throws {
        try self.init(
            generation: Int(roster.generation),
            members: roster.members.map { member in
                try Wire.Roster.Member(
                    workerRank: member.workerRank, name: member.name, dataEndpoint: member.dataEndpoint,
                    slots: member.slots)
            })
    }
}

extension Refusal {
    init(_ refusal: JoinRefusal) throws {
        let code: Refusal.Code =
            switch refusal.code {
            case .protocolVersion: .protocolVersion
            case .build, .model: .modelFingerprint
            case .numericProbe: .numericProbe
            case .alreadyJoined: .nameInUse
            case .rosterFull: .noPlace
            case .setAside: .setAside
            case .distrusted: .distrusted
            case .runFailed: .runOver
            }
        try self.init(code: code, message: String(refusal.reason.prefix(1000)))
    }
}

extension WorkerTrouble {
    init(_ failure: Failure) {
        self =
            switch failure.code {
            case .peerLost, .deadline: .network(unlinked: failure.unlinked)
            case .miscounted: .miscount(shard: failure.shard ?? 0)
            case .internal, .protocol, .system: .itsOwn
            case .overflow, .notFinite, .setup: .everyones
            }
    }
}
