//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Testing

private func digest(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

@Suite("Work")
struct WorkTests {
    private func collective(_ id: UInt64, shards: [Int]) -> Work {
        Work(id: id, kind: .collective, description: "step \(id)", shardTokens: shards)
    }

    @Test("Every shard of a collective piece is given to exactly one worker, and everyone takes part")
    func everyShardOnce() {
        var generator = SystemRandomNumberGenerator()
        for workers in 1...7 {
            var state = runningState(workers: workers)
            let shards = (0..<Int.random(in: 0...20, using: &generator)).map { _ in Int.random(in: 1...200) }
            let directives = state.handle(.workRequested(collective(1, shards: shards)), at: 1)
            var given: [Int] = []
            for case .assign(_, work: 1, let mine) in directives { given += mine }
            #expect(given.sorted() == Array(shards.indices))
            #expect(directives.count == workers)
        }
    }

    @Test("A piece is done when all reports are there; pieces are done in the order in which they were asked for")
    func doneInOrder() {
        var state = runningState(workers: 2)
        _ = state.handle(.workRequested(collective(1, shards: [10, 10])), at: 1)
        _ = state.handle(.workRequested(collective(2, shards: [10, 10])), at: 1)
        func report(_ worker: String, _ work: UInt64, at now: UInt64) -> [CoordinatorState.Directive] {
            state.handle(
                .collectiveReported(
                    worker: worker, work: work, digest: digest(UInt8(work)), tokens: 10, nanoseconds: 5), at: now)
        }
        #expect(report("worker-0", 1, at: 2) == [])
        #expect(report("worker-0", 2, at: 3) == [])
        #expect(report("worker-1", 1, at: 4) == [.workDone(work: 1, digest: digest(1))])
        #expect(report("worker-1", 2, at: 5) == [.workDone(work: 2, digest: digest(2))])
    }

    @Test("An independent piece is done when each shard was answered by whom it was given to")
    func independentWork() {
        var state = runningState(workers: 2)
        let work = Work(id: 5, kind: .independent, description: "evaluation", shardTokens: [30, 20, 10])
        var owner: [Int: String] = [:]
        for case .assign(let worker, work: 5, let shards) in state.handle(.workRequested(work), at: 1) {
            for shard in shards { owner[shard] = worker }
        }
        #expect(Set(owner.keys) == [0, 1, 2])
        var last: [CoordinatorState.Directive] = []
        for shard in [2, 0, 1] {
            #expect(last == [])
            last = state.handle(.shardReported(worker: owner[shard] ?? "", work: 5, shard: shard), at: 2)
        }
        #expect(last == [.workDone(work: 5, digest: nil)])
    }

    @Test("A worker whose state deviates is named; with two workers both are")
    func desynchronised() throws {
        for (workers, named) in [(3, ["worker-1"]), (2, ["worker-0", "worker-1"])] {
            var state = runningState(workers: workers)
            _ = state.handle(.workRequested(collective(1, shards: [10])), at: 1)
            var directives: [CoordinatorState.Directive] = []
            for worker in 0..<workers {
                directives = state.handle(
                    .collectiveReported(
                        worker: "worker-\(worker)", work: 1, digest: digest(worker == 1 ? 66 : 1), tokens: 1,
                        nanoseconds: 1), at: 2)
            }
            let ended = try #require(failure(directives))
            #expect(ended.code == .desynchronised)
            #expect(ended.workers == named)
        }
    }

    @Test("A lost worker ends the run with its name and the step, and nothing follows")
    func lostWorker() throws {
        var state = runningState(workers: 3)
        _ = state.handle(.workRequested(collective(12, shards: [10])), at: 1)
        let ended = try #require(failure(state.handle(.disconnected(worker: "worker-2", reason: "reset"), at: 2)))
        #expect(ended.code == .workerLost)
        #expect(ended.workers == ["worker-2"])
        #expect(ended.description.contains("step 12"))
        #expect(state.handle(.disconnected(worker: "worker-1", reason: "reset"), at: 3) == [])
    }

    @Test("A silent worker is lost after the stated silence")
    func silence() throws {
        var state = runningState(workers: 2)
        _ = state.handle(.heard(worker: "worker-0"), at: 9 * second)
        #expect(state.handle(.clockTicked, at: 10 * second) == [])
        let ended = try #require(failure(state.handle(.clockTicked, at: 11 * second)))
        #expect(ended.workers == ["worker-1"])
    }

    @Test("Work that stands still ends the run and names who computes, not who waits for them")
    func overdueNamesTheCulprit() throws {
        var state = runningState(workers: 3)
        _ = state.handle(.workRequested(collective(1, shards: [10, 10, 10])), at: 1)
        for now in (1...20).map({ UInt64($0) * 5 * second }) {
            _ = state.handle(.stageReported(worker: "worker-0", stage: .exchanging(work: 1)), at: now)
            _ = state.handle(.stageReported(worker: "worker-1", stage: .computing(work: 1, shardsDone: 0)), at: now)
            _ = state.handle(.stageReported(worker: "worker-2", stage: .exchanging(work: 1)), at: now)
            #expect(state.handle(.clockTicked, at: now) == [])
        }
        let ended = try #require(failure(state.handle(.clockTicked, at: 106 * second)))
        #expect(ended.code == .deadline)
        #expect(ended.workers == ["worker-1"])
    }

    @Test("A pass that takes long is not stuck as long as shards get done")
    func longPassWithProgress() {
        var state = runningState(workers: 1)
        _ = state.handle(.workRequested(collective(1, shards: [Int](repeating: 10, count: 100))), at: 1)
        for shard in 1...60 {
            let now = UInt64(shard) * 9 * second
            let stage = WorkerStage.computing(work: 1, shardsDone: shard)
            #expect(state.handle(.stageReported(worker: "worker-0", stage: stage), at: now) == [])
            #expect(state.handle(.clockTicked, at: now) == [])
        }
    }

    @Test("A report that nobody asked for ends the run and names its sender")
    func unexpectedReport() throws {
        var state = runningState(workers: 2)
        let directives = state.handle(
            .collectiveReported(worker: "worker-1", work: 3, digest: digest(1), tokens: 1, nanoseconds: 1), at: 2)
        #expect(try #require(failure(directives)).workers == ["worker-1"])
    }

    @Test("Workers that start a phase from different states are found before its first step")
    func phaseStart() throws {
        var state = runningState(workers: 2)
        #expect(state.handle(.phaseRequested(name: "probe"), at: 1).count == 2)
        _ = state.handle(.phaseReady(worker: "worker-0", digest: digest(1)), at: 2)
        let ended = try #require(failure(state.handle(.phaseReady(worker: "worker-1", digest: digest(2)), at: 2)))
        #expect(ended.code == .desynchronised)
    }

    @Test("A faster worker is given more tokens")
    func dealsBySpeed() {
        var dealer = ShardDealer()
        var state = runningState(workers: 2)
        _ = state.handle(.clockTicked, at: 1)
        let members = state.roster?.members ?? []
        for _ in 0..<20 {
            dealer.observe("worker-0", tokens: 300, nanoseconds: 1_000_000)
            dealer.observe("worker-1", tokens: 100, nanoseconds: 1_000_000)
        }
        let dealt = dealer.deal(shardTokens: [Int](repeating: 50, count: 40), to: members)
        #expect(dealt[0].count == 30)
        #expect(dealt[1].count == 10)
    }
}
