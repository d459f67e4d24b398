//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The coordinator's side of a run as a pure state machine: events in, directives out, no I/O and no clock.
///
/// Life of a run (design: join → roster → phases → farewell): workers join until the roster is full; they link up;
/// then phases are begun and work is given out, piece by piece in order; a piece is done when everyone who owes a
/// report has made one. What a phase or a piece of work means is opaque here.
///
/// A worker that is lost ends the run (`memberLost`). That is the place where a fence and a new generation go: the
/// roster already carries a generation, and work already carries an id by which a redo would be recognised.
package struct CoordinatorState: Sendable {
    /// What happened.
    ///
    /// Every event carries its time through `handle(_:at:)`.
    package enum Event: Sendable {
        case joinRequested(worker: String, facts: WorkerFacts)
        case linksReady(worker: String, generation: UInt32)
        /// The run wants everyone to take up a phase.
        case phaseRequested(name: String)
        case phaseReady(worker: String, digest: [UInt8])
        /// The run wants a piece of work done. Several may wait; they are done in order.
        case workRequested(Work)
        /// A worker is done with its part of a collective piece and has this state.
        case collectiveReported(worker: String, work: UInt64, digest: [UInt8], tokens: Int, nanoseconds: UInt64)
        /// A shard of an independent piece was answered.
        case shardReported(worker: String, work: UInt64, shard: Int)
        case stageReported(worker: String, stage: WorkerStage)
        /// Any other sign of life.
        case heard(worker: String)
        case failureReported(worker: String, message: String)
        case disconnected(worker: String, reason: String)
        case clockTicked
    }

    /// What the shell has to do.
    package enum Directive: Hashable, Sendable {
        case refuse(worker: String, JoinRefusal)
        case welcome(worker: String)
        /// Everybody has joined: send the roster, let them link up.
        case formLinks(Roster)
        /// All data links stand.
        case rosterReady(Roster)
        case beginPhase(worker: String)
        case phaseBegan(digest: [UInt8])
        case assign(worker: String, work: UInt64, shards: [Int])
        case workDone(work: UInt64, digest: [UInt8]?)
        /// The run is over for this reason; nothing else follows.
        case endRun(RunFailure)
    }

    enum Stage {
        case gathering
        case linking(ready: Set<String>)
        case running
        case failed(RunFailure)
    }

    struct Outstanding {
        let work: Work
        var owing: Set<String>
        var owingShards: [Int: String]
        var digests: [String: [UInt8]] = [:]
        let startedAt: UInt64
    }

    package let requirements: JoinRequirements
    package let deadlines: Deadlines
    package private(set) var roster: Roster?

    var stage = Stage.gathering
    var facts: [String: WorkerFacts] = [:]
    var lastHeard: [String: UInt64] = [:]
    var workerStages: [String: WorkerStage] = [:]
    var phase: (name: String, digests: [String: [UInt8]])?
    var outstanding: [Outstanding] = []
    var dealer = ShardDealer()
    var typicalWorkDuration: Double?
    /// When the machine began its present wait.
    var waitingSince: UInt64
    /// When somebody last got on with the work: a shard, an exchange, a report.
    var progressedAt: UInt64

    /// - Parameter startedAt: The clock now; the join deadline counts from here.
    package init(requirements: JoinRequirements, deadlines: Deadlines, startedAt: UInt64) {
        self.requirements = requirements
        self.deadlines = deadlines
        waitingSince = startedAt
        progressedAt = startedAt
    }

    /// Takes one event.
    package mutating func handle(_ event: Event, at now: UInt64) -> [Directive] {
        if case .failed(let failure) = stage {
            if case .joinRequested(let worker, _) = event {
                return [
                    .refuse(
                        worker: worker,
                        JoinRefusal(code: .runFailed, reason: "the run is over: \(failure.description)"))
                ]
            }
            return []
        }
        switch event {
        case .joinRequested(let worker, let facts):
            return join(worker, facts, now)
        case .linksReady(let worker, let generation):
            return linksReady(worker, generation, now)
        case .phaseRequested(let name):
            return requestPhase(name, now)
        case .phaseReady(let worker, let digest):
            lastHeard[worker] = now
            return phaseReady(worker, digest)
        case .workRequested(let work):
            return give(work, now)
        case .collectiveReported(let worker, let work, let digest, let tokens, let nanoseconds):
            lastHeard[worker] = now
            dealer.observe(worker, tokens: tokens, nanoseconds: nanoseconds)
            return collectiveReported(worker, work, digest, now)
        case .shardReported(let worker, let work, let shard):
            lastHeard[worker] = now
            return shardReported(worker, work, shard, now)
        case .stageReported(let worker, let workerStage):
            lastHeard[worker] = now
            if workerStages.updateValue(workerStage, forKey: worker) != workerStage {
                progressedAt = now
            }
            return []
        case .heard(let worker):
            lastHeard[worker] = now
            return []
        case .failureReported(let worker, let message):
            guard facts[worker] != nil else { return [] }
            return end(RunFailure(code: .workerFailed, workers: [worker], description: "\(worker) failed: \(message)"))
        case .disconnected(let worker, let reason):
            return memberLost(worker, reason)
        case .clockTicked:
            return clockTicked(now)
        }
    }

    /// Ends the run.
    ///
    /// Survival (a fence, the next generation, the redo of the interrupted work) belongs here.
    mutating func memberLost(_ worker: String, _ reason: String) -> [Directive] {
        guard facts[worker] != nil else { return [] }
        if case .gathering = stage {
            // Nothing has begun yet: its place is free again.
            facts[worker] = nil
            lastHeard[worker] = nil
            return []
        }
        return end(
            RunFailure(
                code: .workerLost, workers: [worker],
                description: "\(worker) is lost\(during): \(reason). The last checkpoint is usable: start it again "
                    + "with --resume true"))
    }

    mutating func end(_ failure: RunFailure) -> [Directive] {
        stage = .failed(failure)
        return [.endRun(failure)]
    }

    /// " in step 12 of the probe", or nothing.
    package var during: String {
        outstanding.first.map { " in \($0.work.description)" } ?? ""
    }

    private mutating func join(_ worker: String, _ newFacts: WorkerFacts, _ now: UInt64) -> [Directive] {
        if facts[worker] != nil {
            let refusal = JoinRefusal(
                code: .alreadyJoined, reason: "a worker with this name has joined already; give each its own name")
            return [.refuse(worker: worker, refusal)]
        }
        guard case .gathering = stage else {
            let refusal = JoinRefusal(
                code: .rosterFull, reason: "the run has its \(requirements.workerCount) workers and has begun")
            return [.refuse(worker: worker, refusal)]
        }
        let first = facts.min { naturalOrder($0.key, $1.key) }.map { (name: $0.key, facts: $0.value) }
        if let refusal = requirements.refusal(of: newFacts, established: first) {
            return [.refuse(worker: worker, refusal)]
        }
        facts[worker] = newFacts
        lastHeard[worker] = now
        var directives = [Directive.welcome(worker: worker)]
        if facts.count == requirements.workerCount {
            let roster = Roster(generation: 1, facts: facts)
            self.roster = roster
            stage = .linking(ready: [])
            waitingSince = now
            directives.append(.formLinks(roster))
        }
        return directives
    }

    private mutating func linksReady(_ worker: String, _ generation: UInt32, _ now: UInt64) -> [Directive] {
        lastHeard[worker] = now
        guard case .linking(var ready) = stage, let roster, generation == roster.generation else { return [] }
        ready.insert(worker)
        guard ready.count == roster.members.count else {
            stage = .linking(ready: ready)
            return []
        }
        stage = .running
        return [.rosterReady(roster)]
    }

    private mutating func requestPhase(_ name: String, _ now: UInt64) -> [Directive] {
        guard case .running = stage, let roster else {
            preconditionFailure("phase \(name) was requested before the roster was ready")
        }
        precondition(outstanding.isEmpty, "phase \(name) was requested while work is outstanding")
        phase = (name, [:])
        waitingSince = now
        return roster.members.map { .beginPhase(worker: $0.name) }
    }

    private mutating func phaseReady(_ worker: String, _ digest: [UInt8]) -> [Directive] {
        guard var phase, let roster, facts[worker] != nil else { return [] }
        phase.digests[worker] = digest
        self.phase = phase
        guard phase.digests.count == roster.members.count else { return [] }
        self.phase = nil
        if let failure = disagreement(phase.digests, at: "the start of the phase \(phase.name)") {
            return end(failure)
        }
        return [.phaseBegan(digest: digest)]
    }
}
