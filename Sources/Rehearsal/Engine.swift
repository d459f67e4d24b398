//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

// A worker's engine: carries out the tasks of its state machine, one at a time.
extension Rehearsal {
    func perform(_ task: WorkerState<Payload>.Task, _ worker: Int) {
        workers[worker].engine.task += 1
        workers[worker].engine.trouble = .network(unlinked: [])
        switch task {
        case .formLinks(.roster(let roster, let coordinator), let generation):
            workers[worker].engine.work = .forming(generation)
            let reuses = scenario.mutation == .reusedLinks
            let key = DataKey(coordinator: coordinator, generation: reuses ? 1 : generation)
            let members = roster.members.compactMap { member in workers.firstIndex { $0.name == member.name } }
            workers[worker].engine.generation = key
            if reuses, generations[key]?.members != members { generations[key] = nil }
            startForming(worker, key, members: members)
        case .beginPhase(.phase(let start)):
            workers[worker].engine.work = .takingPhase(start)
            plan(.phaseTaken, worker, in: draws.milliseconds(1...80))
        case .compute(.assignment(let assignment), _):
            workers[worker].engine.work = .computing(assignment, done: 0)
            planShard(assignment, worker)
        case .sendState(.step(let step)):
            workers[worker].engine.work = .sendingState(step)
            plan(.stateSent, worker, in: draws.milliseconds(1...80))
        case .halt(let generation):
            workers[worker].engine.work = .halting(generation)
            plan(.halted, worker, in: draws.microseconds(10...5000))
        case .formLinks, .beginPhase, .compute, .sendState:
            breaks(.protocolFollowed, "\(workers[worker].name) has a task with another's payload")
        }
    }

    private func plan(_ event: EngineEvent, _ worker: Int, in time: UInt64) {
        queue.push(
            .engine(worker: worker, task: workers[worker].engine.task, event),
            at: now + time * UInt64(workers[worker].slowness))
    }

    private func planShard(_ assignment: Assignment, _ worker: Int) {
        plan(.shardDone, worker, in: assignment.shards.isEmpty ? 1000 : draws.milliseconds(2...30))
    }

    /// The task under way is to be broken off.
    func interrupt(_ worker: Int) {
        switch workers[worker].engine.work {
        case .forming, .computing, .exchanging:
            guard scenario.mutation != .commitsAfterHalt else {
                // It answers, and goes on all the same.
                answerEarly(worker)
                return
            }
            plan(.broken, worker, in: draws.microseconds(10...3000))
        case .idle, .takingPhase, .sendingState, .halting:
            break
        }
    }

    func engineGoesOn(_ worker: Int, _ task: Int, _ event: EngineEvent) {
        guard workers[worker].isAlive, workers[worker].engine.task == task else { return }
        guard workers[worker].frozenUntil <= now else {
            queue.push(.engine(worker: worker, task: task, event), at: workers[worker].frozenUntil)
            return
        }
        switch (event, workers[worker].engine.work) {
        case (.linksFormed, .forming(let generation)):
            sendUp(.linksReady(generation), worker)
            end(.done, worker)
        case (.linksMissing, .forming):
            workers[worker].engine.trouble = .network(
                unlinked: scenario.mutation == .namesNobody ? [] : unlinked(worker))
            end(.brokenOff, worker)
        case (.phaseTaken, .takingPhase(let start)):
            workers[worker].engine.state = start.begin
            workers[worker].engine.before = nil
            sendUp(.phaseReady(start.begin), worker)
            end(.done, worker)
        case (.shardDone, .computing(let assignment, let done)):
            shardDone(worker, assignment, done)
        case (.exchanged, .exchanging(let assignment)):
            exchanged(worker, assignment)
        case (.dataLost, .exchanging), (.dataLost, .forming):
            end(.brokenOff, worker)
        case (.broken, .computing), (.broken, .exchanging), (.broken, .forming):
            end(.brokenOff, worker)
        case (.stateSent, .sendingState(let step)):
            sendState(worker, step)
        case (.halted, .halting(let generation)):
            answerHalt(worker, generation)
            end(.done, worker)
        default:
            break
        }
    }

    private func end(_ outcome: WorkerState<Payload>.Outcome, _ worker: Int) {
        workers[worker].engine.work = .idle
        handle(.ended(outcome), worker)
    }

    private func sendUp(_ message: WorkerMessage, _ worker: Int) {
        guard let link = workers[worker].link else { return }
        send(message, over: link)
    }

    private func answerHalt(_ worker: Int, _ generation: UInt32) {
        let key = DataKey(coordinator: workers[worker].coordinator, generation: generation)
        workers[worker].engine.answeredHalt = key
        if scenario.mutation == .reusedLinks {
            workers[worker].engine.generation = nil
        } else {
            leaveData(worker, isSilent: false)
        }
        sendUp(.halted(generation, workers[worker].engine.state), worker)
    }

    /// The mutation: the answer goes out while the task still runs.
    private func answerEarly(_ worker: Int) {
        guard let key = workers[worker].engine.generation else { return }
        workers[worker].engine.answeredHalt = key
        sendUp(.halted(key.generation, workers[worker].engine.state), worker)
    }

    private func sendState(_ worker: Int, _ step: Int) {
        guard let state = workers[worker].engine.state, state.step == step || scenario.hasCorruption else {
            breaks(
                .protocolFollowed,
                "\(workers[worker].name) is asked for the state of step \(step), it holds "
                    + "\(workers[worker].engine.state.map { "step \($0.step)" } ?? "none")")
            return
        }
        let isLower = scenario.mutation == .lowerState
        sendUp(.state(isLower ? workers[worker].engine.before ?? state : state), worker)
        end(.done, worker)
    }

    // MARK: Work

    private func shardDone(_ worker: Int, _ assignment: Assignment, _ done: Int) {
        guard let state = workers[worker].engine.state else {
            breaks(.protocolFollowed, "\(workers[worker].name) is given work and holds no state")
            return
        }
        guard state.phase == assignment.piece.phase,
            assignment.piece.kind != .train || state.step == assignment.piece.number || scenario.hasCorruption
        else {
            breaks(
                .protocolFollowed,
                "\(workers[worker].name) is given \(assignment.piece), it holds step \(state.step) of phase \(state.phase)"
            )
            return
        }
        if assignment.piece.kind == .evaluate {
            let shard = assignment.shards[done]
            sendUp(
                .shardAnswer(
                    work: assignment.piece.id, shard: shard,
                    answer: state.answer(pass: assignment.piece.number, shard: shard)), worker)
        }
        guard done + 1 >= assignment.shards.count else {
            workers[worker].engine.work = .computing(assignment, done: done + 1)
            planShard(assignment, worker)
            return
        }
        guard assignment.piece.kind != .evaluate else {
            end(.done, worker)
            return
        }
        var lanes = [UInt8](repeating: 0, count: assignment.shardCount)
        var sum: UInt64 = 0
        for shard in counted(assignment, worker) {
            lanes[shard] += 1
            sum &+=
                assignment.piece.kind == .train
                ? state.gradient(shard: shard) : state.answer(pass: assignment.piece.number, shard: shard)
        }
        workers[worker].engine.work = .exchanging(assignment)
        contribute(worker, assignment, lanes: lanes, sum: sum)
    }

    /// The shards that go into a worker's sums: those that it was given, unless something is wrong with it.
    private func counted(_ assignment: Assignment, _ worker: Int) -> [Int] {
        var shards = assignment.shards
        if workers[worker].miscounts, let last = shards.last {
            workers[worker].miscounts = false
            if draws.chance(500) { shards.append(last) } else { shards.removeLast() }
            note("\(workers[worker].name) miscounts shard \(last) of \(assignment.piece)")
        }
        if scenario.mutation == .doubledShard, assignment.piece.kind == .train, let first = shards.first {
            shards.append(first)
        }
        return shards
    }

    private func exchanged(_ worker: Int, _ assignment: Assignment) {
        guard let key = workers[worker].engine.generation, let data = generations[key],
            let exchange = data.exchanges[assignment.piece.exchange], exchange.unreachable & data.bit(worker) == 0,
            let state = workers[worker].engine.state
        else { return }
        if scenario.mutation != .doubledShard, let wrong = exchange.lanes.firstIndex(where: { $0 != 1 }) {
            workers[worker].engine.trouble = .miscount(shard: wrong)
            end(.brokenOff, worker)
            return
        }
        checkCommit(worker, assignment, exchange)
        var sum = exchange.sum
        if assignment.piece.kind == .train {
            var next = state.next(sum: sum)
            if scenario.mutation == .lostShard, worker == 0, assignment.piece.number == 1 {
                next = state.next(sum: sum &- 1)
            }
            if scenario.mutation == .stepTwice, worker == 0, assignment.piece.number == 1 {
                next = next.next(sum: sum)
                next.step -= 1
            }
            if workers[worker].corrupts {
                workers[worker].corrupts = false
                next.digest ^= 1 << UInt64(draws.below(64))
                note("the memory of \(workers[worker].name) changes at step \(next.step)")
            }
            checkExpected(next, "what \(workers[worker].name) commits")
            workers[worker].engine.before = state
            workers[worker].engine.state = next
            note("\(workers[worker].name) commits step \(next.step) of phase \(next.phase) in \(key.generation)")
            sum = 0
        }
        report(worker, assignment, sum)
        end(.done, worker)
    }

    /// What must hold of every commit.
    private func checkCommit(_ worker: Int, _ assignment: Assignment, _ exchange: DataGeneration.Exchange) {
        let present = DataKey(coordinator: workers[worker].coordinator, generation: assignment.generation)
        if workers[worker].engine.answeredHalt == present {
            breaks(
                .oneGeneration,
                "\(workers[worker].name) commits \(assignment.piece) of generation \(assignment.generation), whose halt "
                    + "it has answered")
        }
        if exchange.generations != [assignment.generation] {
            breaks(
                .oneGeneration,
                "\(workers[worker].name) commits \(assignment.piece) of generation \(assignment.generation) with sums of "
                    + "\(exchange.generations.sorted())")
        }
        if exchange.lanes.contains(where: { $0 != 1 }) {
            breaks(.shardsOnce, "\(assignment.piece) is committed with shards counted \(exchange.lanes) times")
        }
    }

    private func report(_ worker: Int, _ assignment: Assignment, _ sum: UInt64) {
        guard let state = workers[worker].engine.state else { return }
        let result = ModelState(phase: state.phase, step: state.step, digest: ModelState.mix(state.digest, sum))
        sendUp(
            .report(
                CollectiveReport(
                    work: assignment.piece.id, generation: assignment.generation, state: state.digestBytes,
                    result: result.digestBytes, tokens: assignment.shards.count * 50,
                    nanoseconds: UInt64(1 + assignment.shards.count) * 16_000_000 * UInt64(workers[worker].slowness)),
                sum: sum), worker)
    }
}
