//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

/// The coordinator's process: its state machine in a shell as thin as the real one, and the run.
struct SimulatedCoordinator {
    struct Given {
        let piece: Piece
        var sum: UInt64?
        var answers: [Int: UInt64] = [:]
    }

    /// Which start of the process.
    let number: Int
    var state: CoordinatorState
    var frozenUntil: UInt64 = 0
    /// Connections of those who have joined.
    var linkOf: [String: Int] = [:]
    /// The connection whose hello is being taken.
    var caller: Int?
    var phaseStart: PhaseStart?
    var received: ModelState?
    var given: [UInt64: Given] = [:]
    /// Commands of an earlier epoch were given before the run heard that its state is lost.
    var epoch = 0
    var lastCommand: UInt64 = 0
    var lastAnswer: UInt64 = 0
    var lastGeneration: UInt32 = 0
    /// The last state that everyone agreed on.
    var agreed: ModelState?
    var run = SimulatedRun()
}

extension Rehearsal {
    private static let tick: UInt64 = 500_000_000

    func startCoordinator() {
        guard coordinator == nil else { return }
        coordinatorStarts += 1
        note("the coordinator starts, for the time \(coordinatorStarts)")
        if !disk.keepsItsWord { breaks(.nothingLost, "a journal line that was flushed is not there") }
        var started = SimulatedCoordinator(
            number: coordinatorStarts,
            state: CoordinatorState(
                requirements: scenario.requirements, deadlines: Scenario.deadlines, relapse: scenario.mutation?.relapse,
                startedAt: now))
        for case .commit(let phase, let step, let digest) in disk.journal {
            started.run.ledger[phase << 32 | step] = digest
        }
        coordinator = started
        queue.push(.coordinatorTick(coordinator: coordinatorStarts), at: now + Self.tick)
    }

    func tickCoordinator(_ number: Int) {
        guard coordinator?.number == number else { return }
        if let until = frozenCoordinator(number) {
            // What came meanwhile is read first.
            queue.push(.coordinatorTick(coordinator: number), at: until + 1)
            return
        }
        queue.push(.coordinatorTick(coordinator: number), at: now + Self.tick)
        for link in (coordinator?.linkOf ?? [:]).values.sorted() {
            send(.heartbeat, over: link)
        }
        handle(.clockTicked)
    }

    // MARK: Connections

    func takeMessage(_ message: WorkerMessage, from link: Int) {
        let name = workers[links[link].worker].name
        if case .hello(let facts) = message {
            coordinator?.caller = link
            handle(.joinRequested(worker: name, facts: facts))
            coordinator?.caller = nil
            return
        }
        guard coordinator?.linkOf[name] == link else { return }
        switch message {
        case .hello: break
        case .linksReady(let generation): handle(.linksReady(worker: name, generation: generation))
        case .phaseReady(let state):
            var state = state
            if scenario.mutation == .lowerState, let agreed = coordinator?.agreed { state = agreed }
            handle(.phaseReady(worker: name, step: state.step, digest: state.digestBytes))
        case .report(let report, let sum):
            coordinator?.given[report.work]?.sum = sum
            handle(.collectiveReported(worker: name, report: report))
        case .shardAnswer(let work, let shard, let answer):
            if coordinator?.state.owes(name, work: work, shard: shard) == true {
                if coordinator?.given[work]?.answers.updateValue(answer, forKey: shard) != nil {
                    breaks(.answersInOrder, "shard \(shard) of \(work) is answered twice")
                }
            }
            handle(.shardReported(worker: name, work: work, shard: shard))
        case .state(let state):
            let told = scenario.mutation == .lowerState ? coordinator?.agreed ?? state : state
            coordinator?.received = state
            handle(.stateReceived(worker: name, step: told.step, digest: told.digestBytes))
        case .halted(let generation, let state):
            handle(
                .halted(
                    worker: name, generation: generation,
                    state: state.map { HeldState(step: $0.step, digest: $0.digestBytes) }))
        case .heartbeat(let stage): handle(.stageReported(worker: name, stage: stage))
        case .failure(let trouble): handle(.failureReported(worker: name, trouble: trouble, message: "\(trouble)"))
        }
    }

    func disconnected(_ link: Int) {
        let name = workers[links[link].worker].name
        guard coordinator?.linkOf[name] == link else { return }
        coordinator?.linkOf[name] = nil
        handle(.disconnected(worker: name, reason: "closed"))
    }

    func takeProcessEnd(_ worker: Int) {
        guard let number = coordinator?.number else { return }
        if let until = frozenCoordinator(number) {
            queue.push(.processEnded(worker: worker), at: until)
            return
        }
        handle(.processEnded(worker: workers[worker].name, reason: "signal 9", returns: true))
    }

    private func handle(_ event: CoordinatorState.Event) {
        guard broken == nil, let directives = coordinator?.state.handle(event, at: now) else { return }
        for directive in directives { perform(directive) }
    }

    private func sendDown(_ message: CoordinatorMessage, _ worker: String) {
        guard let link = coordinator?.linkOf[worker] else { return }
        send(message, over: link)
    }

    // MARK: Directives

    private func perform(_ directive: CoordinatorState.Directive) {
        noteDirective(directive)
        switch directive {
        case .refuse(_, let refusal):
            guard let caller = coordinator?.caller else { return }
            send(.refusal(refusal.code), over: caller)
            closeAtCoordinator(caller)
        case .welcome(let worker):
            guard let caller = coordinator?.caller, let number = coordinator?.number else { return }
            if coordinator?.linkOf[worker] != nil {
                breaks(.protocolFollowed, "\(worker) is welcomed, and still has its old connection")
            }
            coordinator?.linkOf[worker] = caller
            send(.welcome(coordinator: number), over: caller)
        case .dismiss(let worker, let reason):
            if reason == CoordinatorState.leftOutReason { leftOut += 1 }
            if let link = coordinator?.linkOf.removeValue(forKey: worker) { closeAtCoordinator(link) }
        case .formLinks(let roster): formLinks(roster)
        case .rosterReady: answer(.rosterReady)
        case .fenced, .waiting, .deviation, .audit: break
        case .halt(let worker, let generation): sendDown(.halt(generation), worker)
        case .beginPhase(let worker):
            if let start = coordinator?.phaseStart { sendDown(.phaseStart(start), worker) }
        case .phaseBegan(let digest):
            if let start = coordinator?.phaseStart {
                coordinator?.agreed = ModelState(
                    phase: start.phase, step: start.state?.step ?? 0, digest: number(digest))
            }
            answer(.phaseBegan(number(digest)))
        case .fetchState(let worker, let step): sendDown(.sendState(step: step), worker)
        case .deliverState:
            if let state = coordinator?.received { answer(.state(state)) }
        case .equip(let worker):
            guard let state = coordinator?.received, scenario.mutation != .neverEquips else { return }
            sendDown(.phaseStart(PhaseStart(phase: state.phase, decision: 0, state: state)), worker)
        case .assign(let worker, let work, let shards): assign(worker, work, shards)
        case .workDone(let work, let digest): workDone(work, digest)
        case .stateLost:
            coordinator?.epoch += 1
            coordinator?.given = [:]
            answer(.stateLost)
        case .endRun(let failure): answer(.failed(failure))
        }
    }

    private func noteDirective(_ directive: CoordinatorState.Directive) {
        note("coordinator: \(directive)")
    }

    private func formLinks(_ roster: Roster) {
        generationCount += 1
        guard let coordinator else { return }
        if roster.generation <= coordinator.lastGeneration {
            breaks(.oneGeneration, "generation \(roster.generation) is formed after \(coordinator.lastGeneration)")
        }
        self.coordinator?.lastGeneration = roster.generation
        for member in roster.members {
            sendDown(.roster(roster, coordinator: coordinator.number), member.name)
        }
    }

    private func assign(_ worker: String, _ work: UInt64, _ shards: [Int]) {
        guard let piece = coordinator?.given[work]?.piece, let generation = coordinator?.state.roster?.generation else {
            breaks(.protocolFollowed, "work \(work) is given to \(worker), which the run did not ask for")
            return
        }
        let count = scenario.plan.shardTokens(kind: piece.kind, phase: piece.phase, number: piece.number).count
        sendDown(
            .assignment(Assignment(piece: piece, shards: shards, shardCount: count, generation: generation)), worker)
    }

    private func workDone(_ work: UInt64, _ digest: [UInt8]?) {
        guard let done = coordinator?.given.removeValue(forKey: work) else {
            breaks(.answersInOrder, "work \(work) is done, which the run did not ask for")
            return
        }
        switch done.piece.kind {
        case .train:
            guard let digest else {
                breaks(.protocolFollowed, "\(done.piece) is done without a digest")
                return
            }
            coordinator?.agreed = ModelState(
                phase: done.piece.phase, step: done.piece.number + 1, digest: number(digest))
            answer(.stepDone(done.piece, digest: number(digest)))
            if scenario.mutation == .answersTwice { answer(.stepDone(done.piece, digest: number(digest))) }
        case .score:
            guard let sum = done.sum else {
                breaks(.protocolFollowed, "\(done.piece) is done without a report")
                return
            }
            answer(.sums(done.piece, sum))
        case .evaluate:
            answer(
                .predictions(done.piece, done.answers.values.reduce(0, &+), count: done.answers.count))
        }
    }

    private func number(_ digest: [UInt8]) -> UInt64 {
        digest.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    // MARK: The run's side

    private func answer(_ answer: Answer) {
        guard let coordinator else { return }
        let time = max(now + draws.microseconds(5...2000), coordinator.lastAnswer + 1)
        self.coordinator?.lastAnswer = time
        queue.push(.answer(coordinator: coordinator.number, answer), at: time)
    }

    func submit(_ command: Command) {
        guard let coordinator else { return }
        let time = max(now + draws.microseconds(5...2000), coordinator.lastCommand + 1)
        self.coordinator?.lastCommand = time
        queue.push(.command(coordinator: coordinator.number, epoch: coordinator.run.epoch, command), at: time)
    }

    func takeCommand(_ number: Int, _ epoch: Int, _ command: Command) {
        if let until = frozenCoordinator(number) {
            queue.push(.command(coordinator: number, epoch: epoch, command), at: until)
            return
        }
        guard let coordinator, coordinator.number == number, coordinator.epoch == epoch else { return }
        note("the run asks: \(command)")
        switch command {
        case .beginPhase(let start):
            self.coordinator?.phaseStart = start
            handle(.phaseRequested(name: "phase \(start.phase)", step: start.state?.step ?? 0))
        case .give(let piece):
            self.coordinator?.given[piece.id] = .init(piece: piece)
            if coordinator.given.count >= SimulatedRun.window {
                breaks(.boundedQueues, "\(coordinator.given.count + 1) pieces of work are under way")
            }
            handle(.workRequested(piece.work(scenario.plan)))
        case .state:
            handle(.stateRequested)
        }
    }
}
