//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

/// A worker's process: the connection, the state machine, the engine that computes.
struct SimulatedWorker {
    let index: Int
    let name: String
    var isAlive = false
    /// How often it was started.
    var process = 0
    /// Grows with every start of any process.
    var incarnation: UInt64 = 0
    var frozenUntil: UInt64 = 0
    /// Times slower than usual.
    var slowness = 1
    /// Its connection to the coordinator, from the hello on.
    var link: Int?
    var isWelcome = false
    var lastHeard: UInt64 = 0
    var pause: UInt64 = 0
    /// The highest coordinator that it has met.
    var coordinator = 0
    var machine = WorkerState<Payload>()
    var engine = Engine()
    /// Whether the next collective counts a shard twice or leaves it out.
    var miscounts = false
    /// Whether the next state that it comes to is damaged.
    var corrupts = false
    /// Whether the process runs another build, which the coordinator refuses.
    var isStrange = false

    init(index: Int) {
        self.index = index
        name = "worker-\(index)"
    }
}

/// What a worker computes with.
struct Engine {
    enum Work {
        case idle
        case forming(UInt32)
        case takingPhase(PhaseStart)
        case computing(Assignment, done: Int)
        case exchanging(Assignment)
        case sendingState(Int)
        case halting(UInt32)
    }

    /// Number of the task under way: what was planned for an earlier one is void.
    var task = 0
    var work = Work.idle
    var state: ModelState?
    /// The state before the last commit.
    var before: ModelState?
    var generation: DataKey?
    /// Why the task under way ended.
    var trouble = WorkerTrouble.network(unlinked: [])
    /// The last generation whose halt it has answered.
    var answeredHalt: DataKey?

    var stage: WorkerStage {
        switch work {
        case .computing(let assignment, let done): .computing(work: assignment.piece.id, shardsDone: done)
        case .exchanging(let assignment): .exchanging(work: assignment.piece.id)
        case .idle, .forming, .takingPhase, .sendingState, .halting: .idle
        }
    }
}

extension Rehearsal {
    static let silence: UInt64 = 3_000_000_000
    static let heartbeat: UInt64 = 500_000_000

    func startWorker(_ worker: Int) {
        guard !workers[worker].isAlive else { return }
        workers[worker].isAlive = true
        workers[worker].process += 1
        starts += 1
        workers[worker].incarnation = starts
        workers[worker].frozenUntil = 0
        workers[worker].link = nil
        workers[worker].isWelcome = false
        workers[worker].coordinator = 0
        workers[worker].machine = WorkerState()
        workers[worker].miscounts = false
        workers[worker].corrupts = false
        let task = workers[worker].engine.task + 1
        workers[worker].engine = Engine()
        workers[worker].engine.task = task
        workers[worker].pause = 20_000_000
        note("\(workers[worker].name) starts, process \(workers[worker].process)")
        let process = workers[worker].process
        queue.push(.connect(worker: worker, process: process), at: now + draws.milliseconds(1...300))
        queue.push(.workerTick(worker: worker, process: process), at: now + Self.heartbeat)
    }

    /// Whether an event is of the present process; if it stands still, when it goes on.
    private func isPresent(_ worker: Int, _ process: Int) -> Bool {
        workers[worker].isAlive && workers[worker].process == process
    }

    func connect(_ worker: Int, _ process: Int) {
        guard isPresent(worker, process), workers[worker].link == nil else { return }
        guard workers[worker].frozenUntil <= now else {
            queue.push(.connect(worker: worker, process: process), at: workers[worker].frozenUntil)
            return
        }
        guard let coordinator, !isIsolated(worker) else {
            retry(worker)
            return
        }
        links.append(ControlLink(worker: worker, process: process, coordinator: coordinator.number))
        workers[worker].link = links.count - 1
        workers[worker].isWelcome = false
        workers[worker].lastHeard = now
        let facts = WorkerFacts(
            protocolVersion: 1, build: workers[worker].isStrange ? "strange" : "b",
            incarnation: workers[worker].incarnation,
            slots: 1 + worker % 2, dataEndpoint: workers[worker].name, numericProbe: Scenario.probe,
            numericProbeDescription: "cpu", modelFingerprint: Scenario.fingerprint)
        send(.hello(facts), over: links.count - 1)
    }

    private func retry(_ worker: Int) {
        let pause = workers[worker].pause
        workers[worker].pause = min(pause * 2, 2_000_000_000)
        queue.push(
            .connect(worker: worker, process: workers[worker].process), at: now + pause + draws.microseconds(0...9999))
    }

    /// The worker is without a connection: whatever it was at ends, and it tries to join again.
    func leave(_ worker: Int, _ reason: @autoclosure () -> String) {
        note("\(workers[worker].name) leaves: \(reason())")
        if let link = workers[worker].link { closeAtWorker(link) }
        workers[worker].link = nil
        workers[worker].isWelcome = false
        workers[worker].machine = WorkerState()
        leaveData(worker, isSilent: false)
        let state = scenario.keepsState ? workers[worker].engine.state : nil
        let task = workers[worker].engine.task + 1
        workers[worker].engine = Engine()
        workers[worker].engine.task = task
        workers[worker].engine.state = state
        retry(worker)
    }

    func tickWorker(_ worker: Int, _ process: Int) {
        guard isPresent(worker, process) else { return }
        if workers[worker].frozenUntil > now {
            // What came meanwhile is read first.
            queue.push(.workerTick(worker: worker, process: process), at: workers[worker].frozenUntil + 1)
            return
        }
        queue.push(.workerTick(worker: worker, process: process), at: now + Self.heartbeat)
        guard let link = workers[worker].link else { return }
        if now - workers[worker].lastHeard > Self.silence {
            leave(worker, "nothing was heard from the coordinator")
            return
        }
        if workers[worker].isWelcome { send(.heartbeat(workers[worker].engine.stage), over: link) }
    }

    func takeMessage(_ message: CoordinatorMessage, worker: Int) {
        workers[worker].lastHeard = now
        switch message {
        case .heartbeat: break
        case .welcome(let number):
            guard number >= workers[worker].coordinator else {
                leave(worker, "a coordinator of old")
                return
            }
            workers[worker].coordinator = number
            workers[worker].isWelcome = true
            workers[worker].pause = 20_000_000
        case .refusal(let code):
            workers[worker].pause = max(workers[worker].pause, 200_000_000)
            leave(worker, "refused: \(code)")
            // Whoever looks after it installs the right build.
            workers[worker].isStrange = false
        case .roster(let roster, let coordinator):
            order(.formLinks(.roster(roster, coordinator: coordinator), generation: roster.generation), worker)
        case .phaseStart(let start): order(.beginPhase(.phase(start)), worker)
        case .assignment(let assignment):
            order(.compute(.assignment(assignment), generation: assignment.generation), worker)
        case .sendState(let step): order(.sendState(.step(step)), worker)
        case .halt(let generation): order(.halt(generation: generation), worker)
        }
    }

    private func order(_ task: WorkerState<Payload>.Task, _ worker: Int) {
        guard workers[worker].isWelcome else {
            breaks(.protocolFollowed, "\(workers[worker].name) is given orders before it is welcome")
            return
        }
        handle(.ordered(task), worker)
    }

    func handle(_ event: WorkerState<Payload>.Event, _ worker: Int) {
        do {
            for directive in try workers[worker].machine.handle(event) {
                switch directive {
                case .perform(let task): perform(task, worker)
                case .interrupt: interrupt(worker)
                case .reportTrouble:
                    if let link = workers[worker].link {
                        note("\(workers[worker].name) reports \(workers[worker].engine.trouble)")
                        send(.failure(workers[worker].engine.trouble), over: link)
                    }
                }
            }
        } catch {
            breaks(.protocolFollowed, "\(workers[worker].name) does not follow: \(error)")
        }
    }
}
