//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Testing

@Suite("Work")
struct WorkTests {
    @Test("Every shard of a collective piece is given to exactly one worker, and everyone takes part")
    func everyShardOnce() throws {
        var generator = SystemRandomNumberGenerator()
        for workers in 1...7 {
            var state = runningState(workers: workers)
            let shards = (0..<Int.random(in: 0...20, using: &generator)).map { _ in Int.random(in: 1...200) }
            let directives = state.handle(.workRequested(step(1, shards: shards)), at: 1)
            let given = try #require(directives.assigned[1])
            #expect(given.values.flatMap { $0 }.sorted() == Array(shards.indices))
            #expect(given.count == workers)
        }
    }

    @Test("A piece is done when all reports are there; pieces are done in the order in which they were asked for")
    func doneInOrder() {
        var state = runningState(workers: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        _ = state.handle(.workRequested(step(2)), at: 1)
        #expect(state.handle(.collectiveReported(worker: "worker-0", report: report(1)), at: 2) == [])
        #expect(state.handle(.collectiveReported(worker: "worker-0", report: report(2)), at: 3) == [])
        #expect(
            state.handle(.collectiveReported(worker: "worker-1", report: report(1)), at: 4)
                == [.workDone(work: 1, digest: digest(1))])
        #expect(
            state.handle(.collectiveReported(worker: "worker-1", report: report(2)), at: 5)
                == [.workDone(work: 2, digest: digest(2))])
    }

    @Test("An independent piece is done when each shard was answered by whom it was given to")
    func independentWork() throws {
        var state = runningState(workers: 2)
        let work = Work(id: 5, kind: .independent, description: "evaluation", shardTokens: [30, 20, 10])
        var owner: [Int: String] = [:]
        for (worker, shards) in try #require(state.handle(.workRequested(work), at: 1).assigned[5]) {
            for shard in shards { owner[shard] = worker }
        }
        #expect(Set(owner.keys) == [0, 1, 2])
        var last: [CoordinatorState.Directive] = []
        for shard in [2, 0, 1] {
            #expect(last == [])
            let worker = try #require(owner[shard])
            #expect(state.owes(worker, work: 5, shard: shard))
            last = state.handle(.shardReported(worker: worker, work: 5, shard: shard), at: 2)
            #expect(!state.owes(worker, work: 5, shard: shard))
        }
        #expect(last == [.workDone(work: 5, digest: nil)])
    }

    @Test("A worker that is silent is lost after the stated silence, and whoever is left is halted")
    func silence() {
        var state = runningState(workers: 2)
        _ = state.handle(.heard(worker: "worker-0"), at: 9 * second)
        #expect(state.handle(.clockTicked, at: 10 * second) == [])
        let directives = state.handle(.clockTicked, at: 11 * second)
        #expect(directives.dismissed == ["worker-1"])
        #expect(directives.halted == ["worker-0"])
    }

    @Test("Work that stands still costs its place who computes, not who waits for it")
    func overdueNamesTheCulprit() {
        var state = runningState(workers: 3)
        _ = state.handle(.workRequested(step(1)), at: 1)
        for now in (1...20).map({ UInt64($0) * 5 * second }) {
            _ = state.handle(.stageReported(worker: "worker-0", stage: .exchanging(work: 1)), at: now)
            _ = state.handle(.stageReported(worker: "worker-1", stage: .computing(work: 1, shardsDone: 0)), at: now)
            _ = state.handle(.stageReported(worker: "worker-2", stage: .exchanging(work: 1)), at: now)
            #expect(state.handle(.clockTicked, at: now) == [])
        }
        #expect(state.handle(.clockTicked, at: 106 * second).dismissed == ["worker-1"])
    }

    @Test("Where everyone waits for each other nobody is to blame: the links are made anew")
    func overdueExchange() {
        var state = runningState(workers: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        var directives: [CoordinatorState.Directive] = []
        for now in (1...22).map({ UInt64($0) * 5 * second }) where directives.isEmpty {
            for worker in ["worker-0", "worker-1"] {
                _ = state.handle(.stageReported(worker: worker, stage: .exchanging(work: 1)), at: now)
            }
            directives = state.handle(.clockTicked, at: now)
        }
        #expect(directives.dismissed.isEmpty)
        #expect(directives.halted == ["worker-0", "worker-1"])
    }

    @Test("A pass that takes long is not stuck as long as shards get done")
    func longPassWithProgress() {
        var state = runningState(workers: 1)
        _ = state.handle(.workRequested(step(1, shards: [Int](repeating: 10, count: 100))), at: 1)
        for shard in 1...60 {
            let now = UInt64(shard) * 9 * second
            let stage = WorkerStage.computing(work: 1, shardsDone: shard)
            #expect(state.handle(.stageReported(worker: "worker-0", stage: stage), at: now) == [])
            #expect(state.handle(.clockTicked, at: now) == [])
        }
    }

    @Test("A shard that takes long is not stuck as long as it tells of rounds within it")
    func longShardWithProgress() {
        var state = runningState(workers: 1)
        _ = state.handle(.workRequested(step(1)), at: 1)
        func tick(_ rounds: Int, at now: UInt64) -> [CoordinatorState.Directive] {
            let stage = WorkerStage.computing(work: 1, shardsDone: 0, roundsDone: rounds)
            _ = state.handle(.stageReported(worker: "worker-0", stage: stage), at: now)
            return state.handle(.clockTicked, at: now)
        }
        for rounds in 1...60 {
            #expect(tick(rounds, at: UInt64(rounds) * 9 * second) == [])
        }
        var directives: [CoordinatorState.Directive] = []
        for now in (61...90).map({ UInt64($0) * 9 * second }) where directives.isEmpty {
            directives = tick(60, at: now)
        }
        #expect(directives.dismissed == ["worker-0"])
    }

    @Test("Who is to halt is not stuck as long as it gets on with its shard", arguments: [false, true])
    func haltingWithinLongShard(getsOn: Bool) {
        var state = runningState(workers: 2)
        _ = state.handle(.workRequested(step(1)), at: 1)
        #expect(state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 2).halted == ["worker-0"])
        for rounds in 1...10 {
            let stage = WorkerStage.computing(work: 1, shardsDone: 0, roundsDone: getsOn ? rounds : 0)
            let now = UInt64(rounds) * 9 * second
            _ = state.handle(.stageReported(worker: "worker-0", stage: stage), at: now)
            #expect(state.handle(.clockTicked, at: now).dismissed == [])
        }
        _ = state.handle(.heard(worker: "worker-0"), at: 115 * second)
        #expect(state.handle(.clockTicked, at: 115 * second).dismissed == (getsOn ? [] : ["worker-0"]))
    }

    @Test("A report that nobody asked for costs its sender its place, and nobody else anything")
    func unexpectedReport() {
        var state = runningState(workers: 2)
        #expect(
            state.handle(.collectiveReported(worker: "worker-1", report: report(3)), at: 2).dismissed == ["worker-1"])
        _ = state.halt(0, step: 0, at: 3)
        // What else is on the way from it is dropped.
        #expect(state.handle(.collectiveReported(worker: "worker-1", report: report(4)), at: 4) == [])
    }

    @Test("A shard that was not counted once is the fault of whom it was given to, in the piece that shows it")
    func miscount() throws {
        var state = runningState(workers: 2)
        _ = state.handle(.workRequested(step(1, shards: [10, 10])), at: 1)
        // One shard alone: it goes to the first worker, the other computes nothing.
        let second = state.handle(.workRequested(step(2, shards: [10])), at: 1).assigned[2]
        let culprit = try #require(second?.first { $0.value == [0] }?.key)
        let reporter = try #require(second?.first { $0.value == [] }?.key)
        // The reporter is done with the first piece, of which the culprit's report is still on its way.
        _ = state.handle(.collectiveReported(worker: reporter, report: report(1)), at: 2)
        let directives = state.handle(
            .failureReported(worker: reporter, trouble: .miscount(shard: 0), message: "shard 0 counted twice"), at: 3)
        #expect(directives.deviating == [culprit])
        #expect(directives.dismissed == [culprit])
    }

    @Test("A worker's own trouble costs its place; what everyone would have ends the run")
    func failures() throws {
        var state = runningState(workers: 2)
        let own = state.handle(.failureReported(worker: "worker-1", trouble: .itsOwn, message: "out of memory"), at: 2)
        #expect(own.dismissed == ["worker-1"])
        let everyones = state.handle(
            .failureReported(worker: "worker-0", trouble: .everyones, message: "loss is not finite"), at: 3)
        #expect(try #require(everyones.failure).code == .workerFailed)
    }

    @Test("A faster worker is given more tokens")
    func dealsBySpeed() {
        var dealer = ShardDealer()
        let members = runningState(workers: 2).roster?.members ?? []
        for _ in 0..<20 {
            dealer.observe("worker-0", tokens: 300, nanoseconds: 1_000_000)
            dealer.observe("worker-1", tokens: 100, nanoseconds: 1_000_000)
        }
        let dealt = dealer.deal(shardTokens: [Int](repeating: 50, count: 40), to: members)
        #expect(dealt[0].count == 30)
        #expect(dealt[1].count == 10)
    }
}
