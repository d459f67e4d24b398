//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Testing

@Suite("Links that do not come about")
struct MissingLinksTests {
    /// Everyone of the roster who lacks nobody has its links; the others say whom they lack, by number of the worker.
    private func link(
        _ state: inout CoordinatorState, lacking: [Int: [Int]], at now: UInt64
    ) throws -> [CoordinatorState.Directive] {
        let roster = try #require(state.roster)
        return roster.members.flatMap { member -> [CoordinatorState.Directive] in
            let places = roster.members.indices.filter { place in
                lacking.contains {
                    name($0.key) == member.name && $0.value.map(name).contains(roster.members[place].name)
                }
            }
            let event: CoordinatorState.Event =
                places.isEmpty
                ? .linksReady(worker: member.name, generation: roster.generation)
                : .failureReported(worker: member.name, trouble: .network(unlinked: places), message: "no link")
            return state.handle(event, at: now)
        }
    }

    /// Everyone who is asked to answers that it has stopped, with the state of a step, and the next generation forms.
    private func haltAll(
        _ state: inout CoordinatorState, _ fenced: [CoordinatorState.Directive], step: Int?, at now: UInt64
    ) throws -> [CoordinatorState.Directive] {
        let generation = try #require(state.roster).generation
        let held = step.map { HeldState(step: $0, digest: digest(UInt8($0))) }
        let answered = fenced.halted.flatMap {
            state.handle(.halted(worker: $0, generation: generation, state: held), at: now)
        }
        // After some attempts that came to nothing there is a pause before the next.
        return answered.isEmpty ? state.handle(.clockTicked, at: now + second / 2) : answered
    }

    @Test("A latecomer that nobody can reach costs one attempt: the run goes on without it, and asks it again later")
    func unreachableLatecomer() throws {
        var state = runningState(workers: 2, maximum: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        let joined = state.join([2], at: second)
        _ = try haltAll(&state, joined, step: 0, at: 2 * second)
        let fenced = try link(&state, lacking: [0: [2], 1: [2], 2: [0, 1]], at: 62 * second)
        #expect(fenced.halted.count == 3)
        let regrouped = try haltAll(&state, fenced, step: 0, at: 63 * second)
        #expect(regrouped.dismissed == ["worker-2"])
        let roster = try #require(regrouped.rosters.first)
        #expect(roster.members.map(\.name) == ["worker-0", "worker-1"])
        let resumed = state.linkUp(at: 64 * second)
        #expect(Array(resumed.assigned.keys) == [1])
        #expect(!state.isRecovering)
        let early = try #require(state.join([2], at: 80 * second).refusal)
        #expect(early.code == .setAside)
        #expect(state.join([2], at: 94 * second).first == .welcome(worker: "worker-2"))
    }

    @Test("It is set aside for longer each time, and not any more once it has had its links")
    func pauses() throws {
        var state = runningState(workers: 1, maximum: 2)
        var now = second
        for pause in [30, 60, 120] as [UInt64] {
            let joined = state.join([1], at: now)
            _ = try haltAll(&state, joined, step: 0, at: now)
            let fenced = try link(&state, lacking: [0: [1], 1: [0]], at: now)
            let regrouped = try haltAll(&state, fenced, step: 0, at: now)
            #expect(regrouped.dismissed == ["worker-1"])
            _ = state.linkUp(at: now)
            #expect(state.join([1], at: now + (pause - 1) * second).refusal?.code == .setAside)
            now += pause * second
        }
        let joined = state.join([1], at: now)
        _ = try haltAll(&state, joined, step: 0, at: now)
        _ = state.linkUp(at: now)
        #expect(state.roster?.members.map(\.name) == ["worker-0", "worker-1"])
        let lost = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: now)
        _ = try haltAll(&state, lost, step: 0, at: now)
        #expect(state.join([1], incarnation: 2, at: now).refusal == nil)
    }

    @Test("Two workers that had links and have none any more are tried twice; then the run goes on without one of them")
    func partition() throws {
        var state = runningState(workers: 3, minimum: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        var directives = state.handle(
            .failureReported(worker: "worker-0", trouble: .network(unlinked: []), message: "timed out"), at: second)
        for attempt in 1...2 as ClosedRange<UInt64> {
            #expect(directives.halted.count == 3)
            let formed = try haltAll(&state, directives, step: 0, at: attempt * 10 * second)
            #expect(formed.dismissed.isEmpty)
            #expect(try #require(formed.rosters.first).members.count == 3)
            directives = try link(&state, lacking: [0: [1], 1: [0]], at: (attempt * 10 + 5) * second)
        }
        let formed = try haltAll(&state, directives, step: 0, at: 30 * second)
        #expect(formed.dismissed == ["worker-1"])
        #expect(try #require(formed.rosters.first).members.map(\.name) == ["worker-0", "worker-2"])
        #expect(state.linkUp(at: 31 * second).assigned[1]?.count == 2)
    }

    @Test("Where the run may not have fewer workers, they are tried until the run has waited long enough")
    func nobodyToSpare() throws {
        var state = runningState(workers: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        var directives = state.handle(
            .failureReported(worker: "worker-0", trouble: .network(unlinked: []), message: "timed out"), at: second)
        for attempt in 1...3 as ClosedRange<UInt64> {
            let now = (1 + attempt) * second
            let formed = try haltAll(&state, directives, step: 0, at: now)
            #expect(formed.dismissed.isEmpty)
            #expect(try #require(formed.rosters.first).members.count == 3)
            directives = try link(&state, lacking: [0: [1], 1: [0]], at: now + second / 2)
        }
        for worker in 0..<3 { _ = state.handle(.heard(worker: name(worker)), at: 130 * second) }
        #expect(state.handle(.clockTicked, at: 130 * second).failure?.code == .workerLost)
    }

    @Test("Who has no link with several others is left out, not those others")
    func fewest() throws {
        var state = runningState(workers: 4, minimum: 3)
        var directives = state.handle(
            .failureReported(worker: "worker-0", trouble: .network(unlinked: []), message: "timed out"), at: second)
        for attempt in 1...2 as ClosedRange<UInt64> {
            _ = try haltAll(&state, directives, step: 0, at: attempt * second)
            directives = try link(&state, lacking: [0: [1, 2], 1: [0], 2: [0]], at: attempt * second)
        }
        let formed = try haltAll(&state, directives, step: 0, at: 4 * second)
        #expect(formed.dismissed == ["worker-0"])
    }

    @Test("Latecomers go first; where they are more than the run can spare, the one that they all lack goes")
    func latecomersFirst() throws {
        for isShort in [false, true] {
            var state = runningState(workers: 3, maximum: 5)
            if isShort {
                let lost = state.handle(.disconnected(worker: "worker-2", reason: "reset"), at: second)
                _ = try haltAll(&state, lost, step: 0, at: second)
            }
            let joined = state.join([3, 4], at: 2 * second)
            _ = try haltAll(&state, joined, step: 0, at: 2 * second)
            let fenced = try link(&state, lacking: [0: [3, 4], 3: [0], 4: [0]], at: 3 * second)
            let formed = try haltAll(&state, fenced, step: 0, at: 4 * second)
            #expect(formed.dismissed == (isShort ? ["worker-0"] : ["worker-4", "worker-3"]))
        }
    }

    @Test("The first who lacks a link does not speak for all: the others have a few seconds to say what they lack")
    func othersAreHeard() throws {
        var state = runningState(workers: 3, minimum: 2, maximum: 4)
        let joined = state.join([3], at: second)
        _ = try haltAll(&state, joined, step: 0, at: second)
        let roster = try #require(state.roster)
        let first = state.handle(
            .failureReported(worker: "worker-0", trouble: .network(unlinked: [3]), message: "no link"), at: 11 * second)
        #expect(first == [])
        for worker in 0..<4 { _ = state.handle(.heard(worker: name(worker)), at: 12 * second) }
        #expect(state.handle(.clockTicked, at: 15 * second) == [])
        _ = state.handle(.linksReady(worker: "worker-1", generation: roster.generation), at: 15 * second)
        let fenced = state.handle(.clockTicked, at: 17 * second)
        #expect(fenced.halted.count == 4)
        #expect(try haltAll(&state, fenced, step: 0, at: 18 * second).dismissed == ["worker-3"])
    }

    @Test("Who neither has its links nor says why is held against those who have theirs")
    func saysNothing() throws {
        var state = runningState(workers: 2, maximum: 3)
        let joined = state.join([2], at: second)
        _ = try haltAll(&state, joined, step: 0, at: second)
        let roster = try #require(state.roster)
        for worker in ["worker-0", "worker-1"] {
            _ = state.handle(.linksReady(worker: worker, generation: roster.generation), at: 2 * second)
        }
        for worker in 0..<3 { _ = state.handle(.heard(worker: name(worker)), at: 31 * second) }
        let fenced = state.handle(.clockTicked, at: 32 * second)
        #expect(try haltAll(&state, fenced, step: 0, at: 33 * second).dismissed == ["worker-2"])
    }

    @Test("Where workers are short, one that was left out may come back at once: the other may be gone")
    func short() throws {
        var state = runningState(workers: 1, maximum: 2)
        let joined = state.join([1], at: second)
        _ = try haltAll(&state, joined, step: 0, at: second)
        let fenced = try link(&state, lacking: [0: [1], 1: [0]], at: second)
        #expect(try haltAll(&state, fenced, step: 0, at: second).dismissed == ["worker-1"])
        _ = state.linkUp(at: second)
        #expect(state.join([1], at: 2 * second).refusal?.code == .setAside)
        _ = state.handle(.disconnected(worker: "worker-0", reason: "reset"), at: 3 * second)
        #expect(state.join([1], at: 4 * second).contains(.welcome(worker: "worker-1")))
    }
}
