//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Testing

@Suite("Recovery")
struct RecoveryTests {
    @Test("A lost worker costs the redo of the interrupted steps: whoever is left goes on in a new generation")
    func lostWorker() throws {
        var state = runningState(workers: 3, minimum: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.workRequested(step(2)), at: 1)
        let fenced = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 2)
        guard case .fenced(generation: 1, let reason) = fenced.first else {
            Issue.record("expected the end of generation 1, found \(fenced)")
            return
        }
        #expect(reason.contains("worker-1") && reason.contains("step 1 of the probe"))
        #expect(fenced.halted == ["worker-0", "worker-2"])
        #expect(state.halt(0, step: 0, at: 3) == [])
        let formed = state.halt(2, step: 0, at: 4)
        let roster = try #require(formed.rosters.first)
        #expect(roster.generation == 2)
        #expect(roster.members.map(\.name) == ["worker-0", "worker-2"])
        let resumed = state.linkUp(at: 5)
        for work in [1, 2] as [UInt64] {
            let given = try #require(resumed.assigned[work])
            #expect(given.values.flatMap { $0 }.sorted() == [0, 1, 2, 3])
            #expect(Set(given.keys) == ["worker-0", "worker-2"])
        }
        for worker in ["worker-0", "worker-2"] {
            _ = state.handle(.collectiveReported(worker: worker, report: report(1, generation: 2)), at: 6)
        }
        #expect(!state.isRecovering)
    }

    @Test("What all survivors have committed is a fact, whoever's report is missing; the run is told once")
    func committedButUnreported() {
        var state = runningState(workers: 3, minimum: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.workRequested(step(2)), at: 1)
        _ = state.handle(.collectiveReported(worker: "worker-0", report: report(1)), at: 2)
        _ = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 2)
        // The other survivor's report comes before its answer to the halt.
        #expect(state.handle(.collectiveReported(worker: "worker-2", report: report(1)), at: 3) == [])
        _ = state.halt(2, step: 1, at: 3)
        let formed = state.halt(0, step: 1, at: 3)
        #expect(formed.first == .workDone(work: 1, digest: digest(1)))
        let resumed = state.linkUp(at: 4)
        #expect(Array(resumed.assigned.keys) == [2])
        #expect(resumed.equipped.isEmpty && resumed.fetched.isEmpty)
    }

    @Test("A survivor that is a step behind is given the state of the two that are further")
    func behind() throws {
        var state = runningState(workers: 4, minimum: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.report(1, by: [1, 2])
        _ = state.handle(.disconnected(worker: "worker-3", reason: "reset"), at: 2)
        _ = state.halt(0, step: 0, at: 3)
        _ = state.halt(1, step: 1, at: 3)
        #expect(state.halt(2, step: 1, at: 3).done == [1])
        #expect(state.linkUp(at: 4).fetched == ["worker-1"])
        #expect(
            state.handle(.stateReceived(worker: "worker-1", step: 1, digest: digest(1)), at: 5)
                == [.equip(worker: "worker-0")])
        _ = state.handle(.phaseReady(worker: "worker-0", step: 1, digest: digest(1)), at: 6)
        #expect(!state.isRecovering)
        #expect(try #require(state.handle(.workRequested(step(2)), at: 7).assigned[2]).count == 3)
    }

    @Test("A step that one survivor alone has made, and nobody can check, is done again")
    func singleClaim() {
        var state = runningState(workers: 3, minimum: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.disconnected(worker: "worker-2", reason: "reset"), at: 2)
        _ = state.halt(0, step: 0, at: 3)
        _ = state.report(1, by: [1], digest: 66)
        #expect(state.halt(1, step: 1, digest: 66, at: 3).done.isEmpty)
        #expect(state.linkUp(at: 4).fetched == ["worker-0"])
        let equipping = state.handle(.stateReceived(worker: "worker-0", step: 0, digest: digest(0)), at: 5)
        #expect(equipping.equipped == ["worker-1"])
        let resumed = state.handle(.phaseReady(worker: "worker-1", step: 0, digest: digest(0)), at: 6)
        #expect(Array(resumed.assigned.keys) == [1])
    }

    @Test("The report of a lost worker is the second word that a lone survivor's step takes")
    func claimOfTheLost() {
        var state = runningState(workers: 3, minimum: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.collectiveReported(worker: "worker-2", report: report(1)), at: 2)
        _ = state.handle(.disconnected(worker: "worker-2", reason: "reset"), at: 2)
        _ = state.halt(0, step: 0, at: 3)
        _ = state.report(1, by: [1])
        #expect(state.halt(1, step: 1, at: 3).done == [1])
        #expect(state.linkUp(at: 4).fetched == ["worker-1"])
    }

    @Test("Where the only survivor is a step ahead, its state is all there is")
    func loneSurvivor() {
        var state = runningState(workers: 2, minimum: 1)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 2)
        _ = state.report(1, by: [0])
        let formed = state.halt(0, step: 1, at: 3)
        #expect(formed.done == [1])
        #expect(formed.lostState == nil)
    }

    @Test("Two steps that survivors have made and a lost worker has not reported are done with a digest each")
    func twoStepsAhead() {
        var state = runningState(workers: 3, minimum: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.workRequested(step(2)), at: 1)
        _ = state.report(1, by: [0, 1])
        _ = state.report(2, by: [0, 1])
        _ = state.handle(.disconnected(worker: "worker-2", reason: "reset"), at: 2)
        _ = state.halt(0, step: 2, at: 3)
        let formed = state.halt(1, step: 2, at: 3)
        #expect(
            Array(formed.prefix(2))
                == [.workDone(work: 1, digest: digest(1)), .workDone(work: 2, digest: digest(2))])
    }

    @Test("A step that is asked for after the halt is not done before anybody was given it")
    func askedForDuringFence() {
        var state = runningState(workers: 3, minimum: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.report(1, by: [0, 2])
        _ = state.handle(.disconnected(worker: "worker-2", reason: "reset"), at: 2)
        #expect(state.handle(.workRequested(step(2)), at: 3) == [])
        #expect(state.report(1, by: [1]) == [.workDone(work: 1, digest: digest(1))])
        _ = state.halt(0, step: 1, at: 4)
        _ = state.halt(1, step: 1, at: 4)
        #expect(Array(state.linkUp(at: 5).assigned.keys) == [2])
    }

    @Test("A worker that claims a state it has never reported holds nothing")
    func claimsTooMuch() {
        var state = runningState(workers: 2, minimum: 1)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 2)
        #expect(state.halt(0, step: 7, at: 3).lostState != nil)
    }

    @Test("When nobody holds the state any more the run is told, and begins again with what it asks for next")
    func everybodyLost() throws {
        var state = runningState(workers: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.disconnected(worker: "worker-0", reason: "reset"), at: 2)
        #expect(state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 2).last == .waiting(missing: 2))
        #expect(state.join([0], incarnation: 2, at: 3) == [.welcome(worker: "worker-0")])
        let formed = state.join([1], incarnation: 2, at: 4)
        #expect(try #require(formed.lostState).code == .stateLost)
        #expect(formed.rosters.count == 1)
        _ = state.linkUp(at: 5)
        #expect(!state.isRecovering)
        #expect(state.takeUpPhase(step: 0, at: 6).last == .phaseBegan(digest: digest(0)))
    }

    @Test("A worker that was halted, went and came back holds nothing")
    func cameBackEmpty() {
        var state = runningState(workers: 2)
        _ = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 2)
        #expect(state.halt(0, step: 0, at: 3) == [.waiting(missing: 1)])
        _ = state.handle(.disconnected(worker: "worker-0", reason: "reset"), at: 4)
        _ = state.join([0], incarnation: 2, at: 5)
        #expect(state.join([1], incarnation: 2, at: 6).lostState != nil)
    }

    @Test("Workers that are missing for too long end the run; a run that goes on between two losses has not waited")
    func rejoinDeadline() throws {
        var state = runningState(workers: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 2 * second)
        _ = state.halt(0, step: 0, at: 3 * second)
        _ = state.join([1], incarnation: 2, at: 4 * second)
        _ = state.linkUp(at: 5 * second)
        _ = state.handle(.stateReceived(worker: "worker-0", step: 0, digest: digest(0)), at: 6 * second)
        _ = state.handle(.phaseReady(worker: "worker-1", step: 0, digest: digest(0)), at: 7 * second)
        // A long piece: 140 s later it is still under way.
        var now = 7 * second
        while now < 147 * second {
            now += second
            for worker in [0, 1] {
                _ = state.handle(
                    .stageReported(worker: name(worker), stage: .computing(work: 1, shardsDone: Int(now / second))),
                    at: now)
            }
            #expect(state.handle(.clockTicked, at: now) == [])
        }
        _ = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: now)
        _ = state.halt(0, generation: 2, step: 0, at: now)
        var ended: RunFailure?
        let since = now
        while ended == nil, now < since + 200 * second {
            now += second
            _ = state.handle(.heard(worker: "worker-0"), at: now)
            ended = state.handle(.clockTicked, at: now).failure
        }
        #expect(try #require(ended).description.contains("1 of at least 2 workers are missing"))
        #expect(now - since == 121 * second)
    }

    @Test("Someone who joins late is given the state, and the interrupted step is done again with it")
    func joinsLate() throws {
        var state = runningState(workers: 2, maximum: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        let joined = state.join([2], at: 2)
        #expect(joined.halted == ["worker-0", "worker-1"])
        _ = state.halt(0, step: 0, at: 3)
        _ = state.halt(1, step: 0, at: 3)
        #expect(state.linkUp(at: 4).fetched == ["worker-0"])
        let received = state.handle(.stateReceived(worker: "worker-0", step: 0, digest: digest(0)), at: 5)
        #expect(received.equipped == ["worker-2"])
        let resumed = state.handle(.phaseReady(worker: "worker-2", step: 0, digest: digest(0)), at: 6)
        #expect(try #require(resumed.assigned[1]).count == 3)
    }

    @Test("Who takes up another state than it was given is dismissed")
    func takesUpAnotherState() {
        var state = runningState(workers: 2, maximum: 3)
        _ = state.join([2], at: 2)
        _ = state.halt(0, step: 0, at: 3)
        _ = state.halt(1, step: 0, at: 3)
        _ = state.linkUp(at: 4)
        _ = state.handle(.stateReceived(worker: "worker-0", step: 0, digest: digest(0)), at: 5)
        let wrong = state.handle(.phaseReady(worker: "worker-2", step: 0, digest: digest(66)), at: 6)
        #expect(wrong.dismissed == ["worker-2"])
    }

    @Test("A phase that is asked for while a late worker is being given the state begins after it")
    func phaseWhileEquipping() {
        var state = runningState(workers: 2, maximum: 3)
        _ = state.join([2], at: 2)
        _ = state.halt(0, step: 0, at: 3)
        _ = state.halt(1, step: 0, at: 3)
        _ = state.linkUp(at: 4)
        #expect(state.handle(.phaseRequested(name: "fine-tuning", step: 0), at: 5) == [])
        _ = state.handle(.stateReceived(worker: "worker-0", step: 0, digest: digest(0)), at: 6)
        let taken = state.handle(.phaseReady(worker: "worker-2", step: 0, digest: digest(0)), at: 7)
        #expect(taken == (0...2).map { .beginPhase(worker: name($0)) })
    }

    @Test("A state that was asked for is asked for again where its sender was lost")
    func snapshotHolderLost() {
        var state = runningState(workers: 2, minimum: 1)
        #expect(state.handle(.stateRequested, at: 1) == [.fetchState(worker: "worker-0", step: 0)])
        _ = state.handle(.disconnected(worker: "worker-0", reason: "reset"), at: 2)
        _ = state.halt(1, step: 0, at: 3)
        #expect(state.linkUp(at: 4).fetched == ["worker-1"])
        #expect(
            state.handle(.stateReceived(worker: "worker-1", step: 0, digest: digest(0)), at: 5) == [.deliverState])
    }

    @Test("An evaluation that is broken off goes on with what was not answered")
    func evaluationGoesOn() throws {
        var state = runningState(workers: 2, minimum: 1)
        let work = Work(id: 5, kind: .independent, description: "evaluation", shardTokens: [30, 20, 10])
        let given = try #require(state.handle(.workRequested(work), at: 1).assigned[5])
        let answered = try #require(given["worker-0"]?.first)
        _ = state.handle(.shardReported(worker: "worker-0", work: 5, shard: answered), at: 2)
        _ = state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 3)
        _ = state.halt(0, step: 0, at: 4)
        let again = try #require(state.linkUp(at: 5).assigned[5]?["worker-0"])
        #expect(again == [0, 1, 2].filter { $0 != answered })
    }

    @Test("Who deviates is named and gets the majority's state; the step is not done again")
    func deviation() throws {
        var state = runningState(workers: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.workRequested(step(2)), at: 1)
        var directives: [CoordinatorState.Directive] = []
        for worker in 0..<3 {
            directives += state.handle(
                .collectiveReported(worker: name(worker), report: report(1, digest: worker == 1 ? 66 : 1)), at: 2)
        }
        #expect(directives.deviating == ["worker-1"])
        #expect(directives.halted.count == 3)
        _ = state.halt(0, step: 1, at: 4)
        _ = state.halt(1, step: 1, digest: 66, at: 4)
        #expect(state.halt(2, step: 1, at: 4).done == [1])
        _ = state.linkUp(at: 5)
        let received = state.handle(.stateReceived(worker: "worker-0", step: 1, digest: digest(1)), at: 6)
        #expect(received.equipped == ["worker-1"])
    }

    @Test("What was done after a step in dispute has the sums of who deviated in it: nobody goes on from there")
    func beyondTheDispute() {
        var state = runningState(workers: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.workRequested(step(2)), at: 1)
        for worker in 0..<3 {
            _ = state.handle(
                .collectiveReported(worker: name(worker), report: report(1, digest: worker == 1 ? 66 : 1)), at: 2)
        }
        // The next step was under way: its reports arrive before the answers to the halt, and change nothing.
        for worker in 0..<3 {
            let late = state.handle(
                .collectiveReported(worker: name(worker), report: report(2, digest: worker == 1 ? 67 : 68)), at: 3)
            #expect(late == [])
        }
        _ = state.halt(0, step: 2, digest: 68, at: 4)
        _ = state.halt(1, step: 2, digest: 67, at: 4)
        #expect(state.halt(2, step: 2, digest: 68, at: 4).lostState != nil)
    }

    @Test("Reports that differ count although one is still missing: what was done after them is not taken")
    func disputedBeforeAllReported() {
        var state = runningState(workers: 4, minimum: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.workRequested(step(2)), at: 1)
        _ = state.report(1, by: [0, 1])
        _ = state.report(1, by: [2], digest: 66)
        _ = state.report(2, by: [0, 1], digest: 67)
        _ = state.report(2, by: [2], digest: 68)
        _ = state.handle(.disconnected(worker: "worker-3", reason: "reset"), at: 2)
        _ = state.halt(0, step: 2, digest: 67, at: 3)
        _ = state.halt(1, step: 2, digest: 67, at: 3)
        #expect(state.halt(2, step: 2, digest: 68, at: 3).lostState != nil)
    }

    @Test("A survivor whose claim others contradict is not the truth for being the only one at its step")
    func contradicted() {
        var state = runningState(workers: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.workRequested(step(2)), at: 1)
        _ = state.report(1, by: [0, 1])
        _ = state.report(1, by: [2], digest: 66)
        _ = state.report(2, by: [0, 1], digest: 67)
        _ = state.halt(0, step: 2, digest: 67, at: 3)
        _ = state.halt(1, step: 2, digest: 67, at: 3)
        #expect(state.halt(2, step: 1, digest: 66, at: 3).lostState != nil)
    }

    @Test("Of two that disagree nobody knows who is right: from the last checkpoint; the second time is the end")
    func twoDisagree() throws {
        var state = runningState(workers: 2)
        func disagree(_ generation: UInt32) -> [CoordinatorState.Directive] {
            _ = state.handle(.workRequested(step(1)), at: 1)
            return (0..<2).flatMap {
                state.handle(
                    .collectiveReported(
                        worker: name($0), report: report(1, generation: generation, digest: UInt8(60 + $0))), at: 2)
            }
        }
        #expect(disagree(1).deviating == ["worker-0", "worker-1"])
        _ = state.halt(0, step: 1, digest: 60, at: 3)
        #expect(state.halt(1, step: 1, digest: 61, at: 3).lostState != nil)
        _ = state.linkUp(at: 4)
        _ = state.takeUpPhase(at: 5)
        let ended = try #require(disagree(2).failure)
        #expect(ended.code == .desynchronised)
        #expect(ended.workers == ["worker-0", "worker-1"])
    }

    @Test("Workers that start a phase from different states are found before its first step, and may try once more")
    func phaseStart() throws {
        var state = CoordinatorState(requirements: requirements(2), deadlines: deadlines, startedAt: 0)
        _ = state.join([0, 1])
        _ = state.linkUp()
        #expect(state.handle(.phaseRequested(name: "probe", step: 0), at: 1).count == 2)
        _ = state.handle(.phaseReady(worker: "worker-0", step: 0, digest: digest(1)), at: 2)
        let differing = state.handle(.phaseReady(worker: "worker-1", step: 0, digest: digest(2)), at: 2)
        #expect(differing.deviating == ["worker-0", "worker-1"])
        _ = state.halt(0, step: 0, at: 3)
        _ = state.halt(1, step: 0, at: 3)
        #expect(state.linkUp(at: 4).count == 3)
        _ = state.handle(.phaseReady(worker: "worker-0", step: 0, digest: digest(1)), at: 5)
        let again = state.handle(.phaseReady(worker: "worker-1", step: 0, digest: digest(2)), at: 5)
        #expect(try #require(again.failure).code == .desynchronised)
    }

    @Test("A process that ended for good ends the run where too few are left, and only there")
    func endedForGood() throws {
        var state = runningState(workers: 3, minimum: 2)
        let first = state.handle(.processEnded(worker: "worker-0", reason: "signal 9", returns: false), at: 1)
        #expect(first.failure == nil && first.dismissed == ["worker-0"])
        let next = state.handle(.processEnded(worker: "worker-1", reason: "signal 9", returns: false), at: 2)
        #expect(try #require(next.failure).workers == ["worker-1"])
    }
}
