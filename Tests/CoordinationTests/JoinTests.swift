//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Testing

@Suite("Joining")
struct JoinTests {
    @Test("The roster is made when the last worker has joined, in natural order whatever the order of arrival")
    func rosterOrder() throws {
        var state = CoordinatorState(requirements: requirements(11), deadlines: deadlines, startedAt: 0)
        var last: [CoordinatorState.Directive] = []
        for worker in [10, 3, 0, 7, 1, 2, 9, 8, 4, 6, 5] {
            last = state.handle(.joinRequested(worker: "worker-\(worker)", facts: facts()), at: 1)
        }
        guard case .formLinks(let roster) = last.last else {
            Issue.record("expected a roster, found \(last)")
            return
        }
        #expect(roster.members.map(\.name) == (0..<11).map { "worker-\($0)" })
        #expect(roster.members.map(\.workerRank) == Array(0..<11))
        #expect(roster.generation == 1)
    }

    @Test("A worker with another build, protocol, model or CPU kernels is refused with the reason")
    func refusals() {
        var state = CoordinatorState(requirements: requirements(3), deadlines: deadlines, startedAt: 0)
        _ = state.handle(.joinRequested(worker: "worker-0", facts: facts()), at: 1)
        let cases: [(WorkerFacts, JoinRefusal.Code)] = [
            (facts(build: "b2"), .build), (facts(version: 2), .protocolVersion), (facts(model: 1), .model),
            (facts(probe: 8), .numericProbe),
        ]
        for (wrong, code) in cases {
            let directives = state.handle(.joinRequested(worker: "worker-1", facts: wrong), at: 2)
            guard case .refuse(worker: "worker-1", let refusal) = directives.first else {
                Issue.record("expected a refusal for \(code), found \(directives)")
                continue
            }
            #expect(refusal.code == code)
        }
        let taken = state.handle(.joinRequested(worker: "worker-0", facts: facts(incarnation: 0)), at: 2)
        guard case .refuse(_, let refusal) = taken.first else {
            Issue.record("expected a refusal of a second worker-0, found \(taken)")
            return
        }
        #expect(refusal.code == .alreadyJoined)
    }

    @Test("Other CPU kernels may join where the user gave up exactness")
    func mixedKernels() {
        var state = CoordinatorState(requirements: requirements(2, mixed: true), deadlines: deadlines, startedAt: 0)
        _ = state.handle(.joinRequested(worker: "worker-0", facts: facts()), at: 1)
        let directives = state.handle(.joinRequested(worker: "worker-1", facts: facts(probe: 8)), at: 1)
        #expect(directives.first == .welcome(worker: "worker-1"))
    }

    @Test("A worker that leaves before the roster is made gives its place back")
    func leavesEarly() {
        var state = CoordinatorState(requirements: requirements(2), deadlines: deadlines, startedAt: 0)
        _ = state.handle(.joinRequested(worker: "worker-0", facts: facts()), at: 1)
        #expect(state.handle(.disconnected(worker: "worker-0", reason: "closed"), at: 2) == [])
        let answer = state.handle(.joinRequested(worker: "worker-0", facts: facts()), at: 3)
        #expect(answer.first == .welcome(worker: "worker-0"))
    }

    @Test("A run never starts with fewer workers than asked for: the join deadline ends it and names who came")
    func joinDeadline() throws {
        var state = CoordinatorState(requirements: requirements(2), deadlines: deadlines, startedAt: 0)
        _ = state.join([0], at: 1)
        #expect(state.handle(.clockTicked, at: 59 * second) == [])
        let ended = try #require(state.handle(.clockTicked, at: 61 * second).failure)
        #expect(ended.code == .rosterIncomplete)
        #expect(ended.description.contains("1 of 2 workers"))
        #expect(ended.description.contains("worker-0"))
        #expect(state.join([1], at: 62 * second).refusal?.code == .runFailed)
    }

    @Test("Where fewer are allowed, the run starts with them once the join deadline has passed, not before")
    func startsWithFewer() throws {
        var state = CoordinatorState(requirements: requirements(3, minimum: 2), deadlines: deadlines, startedAt: 0)
        #expect(state.join([0, 1], at: 1).rosters.isEmpty)
        #expect(state.handle(.clockTicked, at: 59 * second) == [])
        let roster = try #require(state.handle(.clockTicked, at: 61 * second).rosters.first)
        #expect(roster.members.map(\.name) == ["worker-0", "worker-1"])
    }

    @Test("More workers than the run takes are refused")
    func rosterFull() {
        var state = CoordinatorState(requirements: requirements(1, maximum: 2), deadlines: deadlines, startedAt: 0)
        _ = state.join([0, 1])
        #expect(state.join([2]).refusal?.code == .rosterFull)
    }

    @Test("A worker that started again takes the place of its old self; an older one is refused")
    func startedAgain() throws {
        var state = runningState(workers: 2)
        let directives = state.join([1], incarnation: 2, at: 5)
        #expect(directives.dismissed == ["worker-1"])
        #expect(directives.halted == ["worker-0"])
        #expect(directives.last == .welcome(worker: "worker-1"))
        #expect(state.join([1], incarnation: 2, at: 6).dismissed == ["worker-1"])
        #expect(state.join([1], incarnation: 1, at: 6).refusal?.code == .alreadyJoined)
        let roster = try #require(state.halt(0, step: 0, at: 7).rosters.first)
        #expect(roster.members.count == 2)
        #expect(roster.generation == 2)
    }

    @Test("Who is lost again and again is set aside for a while, not for ever")
    func setAside() {
        var state = runningState(workers: 2, minimum: 1)
        var now: UInt64 = 0
        var incarnation: UInt64 = 1
        var answer: [CoordinatorState.Directive] = []
        for _ in 0..<6 {
            now += second
            _ = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: now)
            _ = state.handle(
                .halted(worker: "worker-0", generation: state.roster?.generation ?? 0, state: nil), at: now)
            incarnation += 1
            answer = state.join([1], incarnation: incarnation, at: now)
        }
        #expect(answer.refusal?.code == .setAside)
        #expect(state.join([1], incarnation: incarnation + 1, at: now + 31 * second).refusal == nil)
    }

    @Test("While somebody is sent the base model, the wait for workers begins anew; later it changes nothing")
    func modelFetched() throws {
        var state = CoordinatorState(requirements: requirements(2), deadlines: deadlines, startedAt: 0)
        _ = state.handle(.joinRequested(worker: "worker-0", facts: facts()), at: 1)
        #expect(state.handle(.modelFetched, at: 50 * second) == [])
        #expect(state.handle(.clockTicked, at: 109 * second) == [])
        #expect(state.handle(.clockTicked, at: 111 * second).failure?.code == .rosterIncomplete)
        var linking = CoordinatorState(requirements: requirements(2), deadlines: deadlines, startedAt: 0)
        _ = linking.join([0, 1])
        for worker in ["worker-0", "worker-1"] { _ = linking.handle(.heard(worker: worker), at: 29 * second) }
        #expect(linking.handle(.modelFetched, at: 29 * second) == [])
        #expect(linking.handle(.clockTicked, at: 31 * second).halted == ["worker-0", "worker-1"])
    }

    @Test("Data links that do not come in time are tried again in a generation of their own, and end the run at last")
    func linkDeadline() throws {
        var state = CoordinatorState(requirements: requirements(2), deadlines: deadlines, startedAt: 0)
        _ = state.join([0, 1])
        var ended: RunFailure?
        var generations: Set<UInt32> = []
        for now in (1...300).map({ UInt64($0) * second }) where ended == nil {
            _ = state.handle(.heard(worker: "worker-0"), at: now)
            _ = state.handle(.heard(worker: "worker-1"), at: now)
            let generation = try #require(state.roster?.generation)
            generations.insert(generation)
            _ = state.handle(.linksReady(worker: "worker-1", generation: generation), at: now)
            let directives = state.handle(.clockTicked, at: now)
            ended = directives.failure
            if !directives.halted.isEmpty {
                #expect(directives.halted == ["worker-0", "worker-1"])
                _ = state.halt(0, generation: generation, step: nil, at: now)
                _ = state.halt(1, generation: generation, step: nil, at: now)
            }
        }
        let failure = try #require(ended)
        #expect(generations.count > 3)
        #expect(failure.code == .workerLost)
        #expect(failure.description.contains("no data links from worker-0"))
    }
}
