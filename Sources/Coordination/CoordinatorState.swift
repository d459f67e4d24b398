//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The coordinator's side of a run as a pure state machine: events in, directives out, no I/O and no clock.
///
/// Life of a run: workers join until the roster is full; they link up; then phases are begun and work is given out,
/// piece by piece in order; a piece is done when everyone who owes a report has made one. What a phase or a piece of
/// work means is opaque here.
///
/// When a worker is lost, deviates or joins late, the present generation is fenced: every survivor is halted and
/// answers with the state that it holds, and from then on commits nothing of that generation. The furthest state is
/// chosen, the next generation is formed, whoever lacks the state gets it, and the interrupted work is done again
/// (`CoordinatorState+Recovery`). Whoever requests phases and work does not notice, unless nobody holds the state any
/// more: then it is told to begin again from its last checkpoint (`Directive.stateLost`).
package struct CoordinatorState: Sendable {
    /// What happened.
    ///
    /// Every event carries its time through `handle(_:at:)`.
    package enum Event: Sendable {
        case joinRequested(worker: String, facts: WorkerFacts)
        case linksReady(worker: String, generation: UInt32)
        /// The run wants everyone to take up a phase, of which so many steps are done.
        case phaseRequested(name: String, step: Int)
        case phaseReady(worker: String, step: Int, digest: [UInt8])
        /// The run wants a piece of work done. Several may wait; they are done in order.
        case workRequested(Work)
        /// A worker is done with its part of a collective piece.
        case collectiveReported(worker: String, report: CollectiveReport)
        /// A shard of an independent piece was answered.
        case shardReported(worker: String, work: UInt64, shard: Int)
        /// The run wants the state after the last piece of work.
        case stateRequested
        case stateReceived(worker: String, step: Int, digest: [UInt8])
        /// A worker commits nothing more of a generation, and holds this state.
        case halted(worker: String, generation: UInt32, state: HeldState?)
        case stageReported(worker: String, stage: WorkerStage)
        /// Any other sign of life.
        case heard(worker: String)
        case failureReported(worker: String, trouble: WorkerTrouble, message: String)
        case disconnected(worker: String, reason: String)
        /// Its process is known to have ended; `returns` says whether somebody starts it again.
        case processEnded(worker: String, reason: String, returns: Bool)
        /// Somebody who has not joined yet was sent a piece of the base model: the wait for workers begins anew.
        case modelFetched
        case clockTicked
    }

    /// What the shell has to do.
    package enum Directive: Hashable, Sendable {
        case refuse(worker: String, JoinRefusal)
        case welcome(worker: String)
        /// End the worker's connection; it may join again.
        case dismiss(worker: String, reason: String)
        /// Send the roster, let them link up.
        case formLinks(Roster)
        /// All data links stand.
        case rosterReady(Roster)
        /// A generation is over, for this reason; for the log.
        case fenced(generation: UInt32, reason: String)
        case halt(worker: String, generation: UInt32)
        /// So many workers are missing before the run can go on; for the log.
        case waiting(missing: Int)
        case beginPhase(worker: String)
        case phaseBegan(digest: [UInt8])
        /// Ask a worker for its state, which is that of this step.
        case fetchState(worker: String, step: Int)
        /// The state that was received is what the run requested.
        case deliverState
        /// Give the state that was received to a worker that lacks it.
        case equip(worker: String)
        /// A shard of this work is computed by a second worker too, and both report its digest; comes before the
        /// assignments.
        case audit(work: UInt64, shard: Int, owner: String, auditor: String)
        case assign(worker: String, work: UInt64, shards: [Int])
        /// - Parameter digest: Of the state after it; nil for independent work.
        case workDone(work: UInt64, digest: [UInt8]?)
        /// Workers reported another state than the others after this work; for the log.
        case deviation(workers: [String], description: String)
        /// Nobody holds the run's state any more: whatever was requested is forgotten, and the run begins again from
        /// its last checkpoint.
        case stateLost(RunFailure)
        /// The run is over for this reason; nothing else follows.
        case endRun(RunFailure)
    }

    enum Stage {
        /// Before the first roster.
        case gathering
        case linking(ready: Set<String>)
        /// Workers without the state are given it.
        case equipping
        case running
        /// Who has not answered the halt yet.
        case fencing(awaited: Set<String>)
        /// Everyone has been halted; waits for workers, and after trouble with links for a while.
        case regrouping(notBefore: UInt64)
        case failed(RunFailure)
    }

    struct Participant {
        let facts: WorkerFacts
        var lastHeard: UInt64
        var stage = WorkerStage.idle
        /// Whether it holds the run's state, as far as the coordinator knows.
        var holdsState = false
        /// Whether it had all its data links in some generation.
        var hasLinkedUp = false
    }

    struct Outstanding {
        let work: Work
        var owing: Set<String> = []
        var owingShards: Set<Int>
        /// Who computes which shard in this generation.
        var dealt: [Int: String] = [:]
        var reports: [String: CollectiveReport] = [:]
        /// Who computes a shard for the second time.
        var auditors: [Int: String] = [:]
        /// Whether the reports of this generation disagree: no matter what else comes, it has to be settled first.
        var isDisputed = false
        let startedAt: UInt64
        private let countsUngiven: Bool

        init(_ work: Work, startedAt: UInt64, relapse: Relapse? = nil) {
            self.work = work
            self.startedAt = startedAt
            countsUngiven = relapse == .doneBeforeGiven
            owingShards = work.kind == .independent ? Set(work.shardTokens.indices) : []
        }

        /// Nobody owes anything of a collective piece before it is dealt.
        var isDone: Bool {
            owing.isEmpty && owingShards.isEmpty && !isDisputed
                && (work.kind == .independent || !reports.isEmpty || countsUngiven)
        }
    }

    /// Generations that may come to nothing in a row.
    static let patience = 10

    package let requirements: JoinRequirements
    package let deadlines: Deadlines
    /// Nil but in rehearsals.
    let relapse: Relapse?
    package internal(set) var roster: Roster?

    var stage = Stage.gathering
    /// Everyone who has joined and is connected.
    var participants: [String: Participant] = [:]
    var absences = AbsenceRecord()
    var missingLinks = MissingLinks()
    var audits: ShardAudits
    /// The phase that is being taken up.
    var phase: (name: String, step: Int, digests: [String: [UInt8]])?
    /// The last state that everyone agreed on; nil before the first phase and after the state was lost.
    var agreed: HeldState?
    var phaseName = "run"
    var outstanding: [Outstanding] = []
    /// Whether the run waits for the state.
    var wantsState = false
    /// Whom the state was asked of.
    var stateAskedOf: String?
    /// What the survivors of the fenced generation hold.
    var halted: [String: HeldState] = [:]
    var dealer = ShardDealer()
    var typicalWorkDuration: Double?
    /// Why everybody's state is wrong, once it is.
    var rollBack: RunFailure?
    /// How often workers disagreed at a place of the run, by its description.
    var disagreements: [String: Int] = [:]
    /// Since when the run does not get on, and the first reason.
    var trouble: (since: UInt64, reason: String)?
    /// Generations in a row that were fenced before any work was done.
    var fruitlessGenerations = 0
    /// When the run last went over from running to recovering.
    var stoppedAt: UInt64 = 0
    /// When the machine began its present wait.
    var waitingSince: UInt64
    /// When somebody last got on with the work: a shard, an exchange, a report.
    var progressedAt: UInt64

    /// - Parameters:
    ///   - startedAt: The clock now; the join deadline counts from here.
    ///   - auditRatio: The share of shards that a second worker recomputes.
    ///   - relapse: A rule to break, for rehearsals.
    package init(
        requirements: JoinRequirements, deadlines: Deadlines, auditRatio: Double = 0, relapse: Relapse? = nil,
        startedAt: UInt64
    ) {
        self.relapse = relapse
        audits = ShardAudits(ratio: auditRatio)
        self.requirements = requirements
        self.deadlines = deadlines
        waitingSince = startedAt
        progressedAt = startedAt
    }

    /// Takes one event.
    package mutating func handle(_ event: Event, at now: UInt64) -> [Directive] {
        if case .failed(let failure) = stage {
            if case .joinRequested(let worker, _) = event {
                let refusal = JoinRefusal(code: .runFailed, reason: "the run is over: \(failure.description)")
                return [.refuse(worker: worker, refusal)]
            }
            return []
        }
        if let worker = event.sender {
            // What a worker said before it was dismissed may still arrive.
            guard participants[worker] != nil else { return [] }
            participants[worker]?.lastHeard = now
        }
        switch event {
        case .joinRequested(let worker, let facts): return join(worker, facts, now)
        case .linksReady(let worker, let generation): return linksReady(worker, generation, now)
        case .phaseRequested(let name, let step): return requestPhase(name, step, now)
        case .phaseReady(let worker, let step, let digest): return phaseReady(worker, step, digest, now)
        case .workRequested(let work): return give(work, now)
        case .collectiveReported(let worker, let report): return collectiveReported(worker, report, now)
        case .shardReported(let worker, let work, let shard): return shardReported(worker, work, shard, now)
        case .stateRequested: return requestState(now)
        case .stateReceived(let worker, let step, let digest):
            return stateReceived(worker, HeldState(step: step, digest: digest), now)
        case .halted(let worker, let generation, let state): return halted(worker, generation, state, now)
        case .stageReported(let worker, let workerStage):
            if participants[worker]?.stage != workerStage {
                participants[worker]?.stage = workerStage
                progressedAt = now
                // It gets on with the shard after which it will halt.
                if case .fencing(let awaited) = stage, awaited.contains(worker) { waitingSince = now }
            }
            return []
        case .heard: return []
        case .failureReported(let worker, let trouble, let message):
            return failureReported(worker, trouble, message, now)
        case .disconnected(let worker, let reason): return lose(worker, reason, now)
        case .processEnded(let worker, let reason, let returns): return processEnded(worker, reason, returns, now)
        case .modelFetched:
            if case .gathering = stage { waitingSince = now }
            return []
        case .clockTicked: return clockTicked(now)
        }
    }

    mutating func end(_ failure: RunFailure) -> [Directive] {
        stage = .failed(failure)
        return [.endRun(failure)]
    }

    /// " in step 12 of the probe", or nothing.
    package var during: String {
        outstanding.first.map { " in \($0.work.description)" } ?? ""
    }

    /// Whether the run stands still until workers come or recover.
    package var isRecovering: Bool {
        switch stage {
        case .gathering, .fencing, .regrouping, .linking, .equipping: true
        case .running, .failed: false
        }
    }

    /// Whether an answer to this shard is still awaited.
    package func owes(_ worker: String, work: UInt64, shard: Int) -> Bool {
        outstanding.contains { $0.work.id == work && $0.owingShards.contains(shard) && $0.dealt[shard] == worker }
    }
}

extension CoordinatorState.Event {
    /// Which participant's message it is; nil for what does not come from one.
    fileprivate var sender: String? {
        switch self {
        case .linksReady(let worker, _), .phaseReady(let worker, _, _), .collectiveReported(let worker, _),
            .shardReported(let worker, _, _), .stateReceived(let worker, _, _), .halted(let worker, _, _),
            .stageReported(let worker, _), .heard(let worker), .failureReported(let worker, _, _),
            .disconnected(let worker, _):
            worker
        case .joinRequested, .phaseRequested, .workRequested, .stateRequested, .processEnded, .modelFetched,
            .clockTicked:
            nil
        }
    }
}
