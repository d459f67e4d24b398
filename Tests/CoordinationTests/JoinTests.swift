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
        let taken = state.handle(.joinRequested(worker: "worker-0", facts: facts()), at: 2)
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
        _ = state.handle(.joinRequested(worker: "worker-0", facts: facts()), at: 1)
        #expect(state.handle(.clockTicked, at: 59 * second) == [])
        let ended = try #require(failure(state.handle(.clockTicked, at: 61 * second)))
        #expect(ended.code == .rosterIncomplete)
        #expect(ended.description.contains("1 of 2 workers"))
        #expect(ended.description.contains("worker-0"))
        let late = state.handle(.joinRequested(worker: "worker-1", facts: facts()), at: 62 * second)
        guard case .refuse(_, let refusal) = late.first else {
            Issue.record("expected a refusal after the end, found \(late)")
            return
        }
        #expect(refusal.code == .runFailed)
    }

    @Test("Data links that do not come in time end the run and name who is missing")
    func linkDeadline() throws {
        var state = CoordinatorState(requirements: requirements(2), deadlines: deadlines, startedAt: 0)
        for worker in ["worker-0", "worker-1"] {
            _ = state.handle(.joinRequested(worker: worker, facts: facts()), at: 1)
        }
        _ = state.handle(.linksReady(worker: "worker-1", generation: 1), at: 2)
        for worker in ["worker-0", "worker-1"] {
            _ = state.handle(.heard(worker: worker), at: 31 * second)
        }
        let ended = try #require(failure(state.handle(.clockTicked, at: 32 * second)))
        #expect(ended.code == .deadline)
        #expect(ended.workers == ["worker-0"])
    }
}
