//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The run above the cluster, as `TrainingRun` and `ClusterFleet` make it: probe, scoring pass, decision, fine-tuning
/// with evaluations and checkpoints; at most two steps given out before the one in front is done.
struct SimulatedRun {
    enum Operation {
        case begin(PhaseStart)
        case train(Range<Int>)
        case score(part: Int)
        case decide
        case evaluate
        case save
        case finish
    }

    static let window = 2

    /// Restarts since this coordinator's start: what was asked for before is void.
    var epoch = 0
    var isReady = false
    var isWriting = false
    var operations: [Operation] = []
    var place = 0
    /// Steps that are given out and not done.
    var given: [Piece] = []
    var upcoming = 0
    /// Whether something was asked for that is no step.
    var isWaiting = false
    /// Answers that wait for the disk.
    var inbox: [Answer] = []
    /// Digests that steps were committed with, in the journal and since.
    var ledger: [Int: UInt64] = [:]
    var state = ModelState(phase: 0, step: 0, digest: 0)
    var decision: UInt64?
    var sum: UInt64 = 0
    var passes = 0
    var evaluated: [Int] = []

    /// Begins, or goes on from a checkpoint.
    mutating func restart(_ plan: RunPlan, from checkpoint: Checkpoint?) {
        operations = []
        place = 0
        given = []
        isWaiting = false
        decision = checkpoint?.decision
        passes = checkpoint?.passes ?? 0
        evaluated = checkpoint?.evaluated ?? []
        sum = 0
        if decision == nil {
            let start = checkpoint?.state.step ?? 0
            operations = [.begin(PhaseStart(phase: 0, decision: 0, state: checkpoint?.state))]
            operations += [.train(start..<plan.probeSteps), .save]
            operations += (0..<plan.scoringParts).map { .score(part: $0) } + [.decide, .save]
        }
        let inFineTuning = checkpoint?.state.phase == 1
        var step = inFineTuning ? checkpoint?.state.step ?? 0 : 0
        operations.append(.begin(PhaseStart(phase: 1, decision: 0, state: inFineTuning ? checkpoint?.state : nil)))
        while step < plan.fineTuneSteps {
            var boundary = step + 1
            while boundary < plan.fineTuneSteps, boundary % plan.evaluateEvery != 0, boundary % plan.saveEvery != 0 {
                boundary += 1
            }
            operations.append(.train(step..<boundary))
            if boundary < plan.fineTuneSteps {
                if boundary % plan.evaluateEvery == 0 { operations.append(.evaluate) }
                if boundary % plan.saveEvery == 0 { operations.append(.save) }
            }
            step = boundary
        }
        operations += [.evaluate, .save, .finish]
        isReady = true
        enter()
    }

    /// Sets up what the present operation needs.
    mutating func enter() {
        guard place < operations.count else { return }
        if case .train(let steps) = operations[place] { upcoming = steps.lowerBound }
    }
}

extension Rehearsal {
    /// Lets the run ask for whatever its state allows.
    func runGoesOn() {
        while let run = coordinator?.run, run.isReady, !run.isWriting, !run.isWaiting, !isOver,
            run.place < run.operations.count
        {
            switch run.operations[run.place] {
            case .begin(var start):
                start.decision = start.phase == 0 ? 0 : run.decision ?? 0
                ask(.beginPhase(start))
            case .train(let steps):
                guard giveSteps(steps) else { return }
                next()
            case .score(let part):
                ask(.give(Piece(kind: .score, phase: 0, number: part)))
            case .decide:
                coordinator?.run.decision = run.sum
                disk.append(.decision(run.sum))
                disk.flush()
                next()
            case .evaluate:
                ask(.give(Piece(kind: .evaluate, phase: run.state.phase, number: run.passes)))
            case .save:
                ask(.state)
            case .finish:
                finish(run.state)
            }
        }
    }

    private func next() {
        coordinator?.run.place += 1
        coordinator?.run.enter()
    }

    private func ask(_ command: Command) {
        coordinator?.run.isWaiting = true
        submit(command)
    }

    /// Gives out steps as far as the window allows.
    /// - Returns: Whether all of them are done.
    private func giveSteps(_ steps: Range<Int>) -> Bool {
        let window = scenario.mutation == .noWindow ? 1000 : SimulatedRun.window
        while let run = coordinator?.run, run.upcoming < steps.upperBound, run.given.count < window {
            let piece = Piece(kind: .train, phase: run.state.phase, number: run.upcoming)
            coordinator?.run.given.append(piece)
            coordinator?.run.upcoming += 1
            submit(.give(piece))
        }
        return coordinator?.run.given.isEmpty ?? true
    }

    func takeAnswer(_ number: Int, _ answer: Answer) {
        if let until = frozenCoordinator(number) {
            queue.push(.answer(coordinator: number, answer), at: until)
            return
        }
        guard coordinator?.number == number else { return }
        coordinator?.run.inbox.append(answer)
        if let count = coordinator?.run.inbox.count, count > 64 { breaks(.boundedQueues, "\(count) answers wait") }
        takeAnswers()
    }

    private func takeAnswers() {
        while !isOver, broken == nil, coordinator?.run.isWriting == false, coordinator?.run.inbox.isEmpty == false,
            let answer = coordinator?.run.inbox.removeFirst()
        {
            take(answer)
            runGoesOn()
        }
    }

    private func take(_ answer: Answer) {
        guard let run = coordinator?.run else { return }
        note("the run is told: \(answer)")
        switch answer {
        case .stateLost:
            statesLost += 1
            coordinator?.run.epoch += 1
            resume()
            return
        case .failed(let failure):
            endedWithError = true
            isOver = true
            if !scenario.hasCorruption { breaks(.progress, "the run ends: \(failure)") }
            return
        case .rosterReady:
            if !run.isReady { resume() }
            return
        case .stepDone(let piece, let digest):
            guard let first = run.given.first, first.id == piece.id, first.phase == piece.phase else {
                breaks(.answersInOrder, "\(piece) is answered, \(run.given) are awaited")
                return
            }
            committed(piece, digest)
            return
        case .phaseBegan, .sums, .predictions, .state:
            break
        }
        guard run.isWaiting, run.given.isEmpty else {
            breaks(.answersInOrder, "\(answer) comes, and nobody asked")
            return
        }
        coordinator?.run.isWaiting = false
        switch (answer, run.operations[run.place]) {
        case (.phaseBegan(let digest), .begin(let start)):
            var expected = start
            expected.decision = start.phase == 0 ? 0 : run.decision ?? 0
            let state = ModelState(phase: start.phase, step: start.state?.step ?? 0, digest: digest)
            if state != expected.begin {
                failOrBreak(.oneStateAStep, "phase \(start.phase) begins with another state than was sent")
            }
            coordinator?.run.state = state
            next()
        case (.sums(let piece, let sum), .score(let part)) where piece.number == part:
            coordinator?.run.sum &+= sum
            next()
        case (.predictions(let piece, let sum, let count), .evaluate) where piece.number == run.passes:
            checkEvaluation(piece, sum, count, of: run.state)
            coordinator?.run.passes += 1
            coordinator?.run.evaluated.append(run.state.step)
            next()
        case (.state(let state), .save):
            guard state == run.state else {
                failOrBreak(.oneStateAStep, "the state that is to be saved is not that of step \(run.state.step)")
                return
            }
            write(state)
        default:
            breaks(.answersInOrder, "\(answer) comes, \(run.operations[run.place]) is awaited")
        }
    }

    /// A wrong result is an error of the run where memory may change, and one of ours everywhere else.
    private func failOrBreak(_ invariant: Invariant, _ detail: String) {
        if scenario.hasCorruption {
            note("the run ends: \(detail)")
            endedWithError = true
            isOver = true
        } else {
            breaks(invariant, detail)
        }
    }

    private func committed(_ piece: Piece, _ digest: UInt64) {
        let state = ModelState(phase: piece.phase, step: piece.number + 1, digest: digest)
        coordinator?.run.given.removeFirst()
        coordinator?.run.state = state
        let place = state.phase << 32 | state.step
        if let known = coordinator?.run.ledger[place] {
            if known != digest { failOrBreak(.oneStateAStep, "\(piece) comes to another state than in the journal") }
        } else {
            coordinator?.run.ledger[place] = digest
            disk.append(.commit(phase: state.phase, step: state.step, digest: digest))
        }
        accept(state)
    }

    private func checkEvaluation(_ piece: Piece, _ sum: UInt64, _ count: Int, of state: ModelState) {
        let shards = scenario.plan.shardTokens(kind: .evaluate, phase: piece.phase, number: piece.number).indices
        let expected = shards.reduce(0 as UInt64) { $0 &+ state.answer(pass: piece.number, shard: $1) }
        if count != shards.count || sum != expected, !scenario.hasCorruption {
            breaks(.answersInOrder, "\(piece) has \(count) answers of \(shards.count), or wrong ones")
        }
    }

    /// Goes on from the last checkpoint.
    func resume() {
        var checkpoint = disk.checkpoints.last
        if scenario.mutation == .olderCheckpoint, disk.checkpoints.count > 1 {
            checkpoint = disk.checkpoints[disk.checkpoints.count - 2]
        }
        if disk.isOlder(checkpoint) { breaks(.nothingLost, "the run goes on from a checkpoint before the last") }
        coordinator?.run.restart(scenario.plan, from: checkpoint)
        note("the run goes on from \(checkpoint.map { "\($0)" } ?? "the beginning")")
    }

    private func write(_ state: ModelState) {
        guard let run = coordinator?.run, let number = coordinator?.number else { return }
        coordinator?.run.isWriting = true
        disk.flush()
        let checkpoint = Checkpoint(state: state, decision: run.decision, passes: run.passes, evaluated: run.evaluated)
        queue.push(.written(coordinator: number, checkpoint), at: now + draws.milliseconds(1...100))
    }

    func checkpointWritten(_ number: Int, _ checkpoint: Checkpoint) {
        if let until = frozenCoordinator(number) {
            queue.push(.written(coordinator: number, checkpoint), at: until)
            return
        }
        guard coordinator?.number == number else { return }
        disk.save(checkpoint)
        note("written: \(checkpoint)")
        coordinator?.run.isWriting = false
        next()
        runGoesOn()
        takeAnswers()
    }

    private func finish(_ state: ModelState) {
        var state = state
        if scenario.mutation == .damagedExport { state.digest ^= 1 }
        isOver = true
        let evaluated = coordinator?.run.evaluated ?? []
        let plan = scenario.plan
        let due = (1..<plan.fineTuneSteps).filter { $0 % plan.evaluateEvery == 0 } + [plan.fineTuneSteps]
        if evaluated != due {
            breaks(.answersInOrder, "evaluated after steps \(evaluated), due after \(due)")
        }
        if state != expectation.final {
            if scenario.hasCorruption {
                endedWrong = true
            } else {
                breaks(.finalState, "the run ends with another state than the undisturbed one")
            }
        }
        note("the run is done")
    }
}
