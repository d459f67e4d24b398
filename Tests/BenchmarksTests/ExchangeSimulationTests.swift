//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Benchmarks
import Collectives
import Testing

private let algorithms: [AllReducePlan.Algorithm] = [.broadcast, .direct, .ring]
private let worldSizes = Array(2...16) + [33, 64, 100, 256]

private func isClose(_ one: Double, _ other: Double, within part: Double = 1e-9) -> Bool {
    abs(one - other) <= part * max(abs(one), abs(other))
}

@Suite("Simulated exchanges")
struct ExchangeSimulationTests {
    /// 100 MB/s, 1 ms, and messages that cost 100 us at either end.
    let link = LinkModel(
        latency: 1e-3, bytesPerSecond: 100e6, secondsPerMessage: 100e-6, crowding: 0, elementByteCount: 5)

    @Test("two workers take what one computes by hand")
    func twoWorkers() throws {
        func seconds(_ algorithm: AllReducePlan.Algorithm, _ count: Int, segment: Int) throws -> Double {
            let plan = AllReducePlan(
                algorithm: algorithm, worldSize: 2, elementCount: count, segmentElementCount: segment)
            return try ExchangeSimulation(plan, over: link).run().seconds
        }
        // A message: 100 us, then 1 ms on the way, then 100 us and 50 us for 5,000 bytes.
        #expect(isClose(try seconds(.broadcast, 1000, segment: 1000), 1.25e-3))
        // Two of half the length; the second one is taken right behind the first.
        #expect(isClose(try seconds(.broadcast, 1000, segment: 500), 1.1e-3 + 2 * 125e-6))
        // Half the vector there and, when it is added, half of it back.
        #expect(isClose(try seconds(.direct, 1000, segment: 1000), 2 * 1.225e-3))
        #expect(isClose(try seconds(.ring, 1000, segment: 1000), 2 * 1.225e-3))
        // Ten segments of 50 us each way, and nothing else: sums leave while later parts still come in.
        let short = LinkModel(latency: 0, bytesPerSecond: 100e6, secondsPerMessage: 0, crowding: 0, elementByteCount: 5)
        let plan = AllReducePlan(algorithm: .direct, worldSize: 2, elementCount: 20_000, segmentElementCount: 1000)
        #expect(isClose(try ExchangeSimulation(plan, over: short).run().seconds, 2 * 10 * 50e-6))
    }

    @Test("a ring of eight takes fourteen hops, not the one that it would if nothing waited")
    func chain() throws {
        let plan = AllReducePlan(algorithm: .ring, worldSize: 8, elementCount: 8)
        let hop = 100e-6 + 1e-3 + 100e-6 + 5 / 100e6
        #expect(isClose(try ExchangeSimulation(plan, over: link).run().seconds, 14 * hop))
    }

    @Test("no segment leaves before those that it waits for are in", arguments: algorithms)
    func dependencies(algorithm: AllReducePlan.Algorithm) throws {
        for worldSize in [2, 3, 7, 16] {
            let plan = AllReducePlan(
                algorithm: algorithm, worldSize: worldSize, elementCount: 5000, segmentElementCount: 100)
            let transfers = try ExchangeSimulation(plan, over: link).run().transfers
            let scripts = (0..<worldSize).map { plan.script(workerRank: $0) }
            var taken = scripts.map { [Double?](repeating: nil, count: $0.receives.count) }
            for transfer in transfers { taken[transfer.receiver][transfer.receive] = transfer.ended }
            for transfer in transfers {
                let send = scripts[transfer.sender].sends[transfer.send]
                #expect(send.peer == transfer.receiver)
                #expect(send.range == scripts[transfer.receiver].receives[transfer.receive].range)
                for waited in send.after {
                    let ended = try #require(taken[transfer.sender][waited])
                    #expect(ended <= transfer.began)
                }
            }
        }
    }

    @Test("an interface sends one message at a time, and links get their turns")
    func interfaces() throws {
        let plan = AllReducePlan(
            algorithm: .broadcast, worldSize: 4, elementCount: 300, segmentElementCount: 100)
        let transfers = try ExchangeSimulation(plan, over: link).run().transfers
        let began = transfers.filter { $0.sender == 1 }.sorted { $0.began < $1.began }
        #expect(began.map(\.receiver) == [2, 3, 0, 2, 3, 0, 2, 3, 0])
        for (one, next) in zip(began, began.dropFirst()) {
            #expect(isClose(next.began - one.began, 100e-6 + 500 / 100e6))
        }
    }

    @Test("every worker finishes, and what is sent are the bytes and messages of the formula", arguments: worldSizes)
    func everyWorld(worldSize: Int) throws {
        for count in [1, worldSize - 1, 1000, 62_215] {
            for algorithm in algorithms where algorithm != .broadcast || count <= 1000 || worldSize <= 64 {
                let plan = AllReducePlan(algorithm: algorithm, worldSize: worldSize, elementCount: count)
                let outcome = try ExchangeSimulation(plan, over: link).run()
                let formula = ExchangeFormula(plan, over: link)
                #expect(outcome.byteCounts.reduce(0, +) == formula.totalByteCount)
                #expect(outcome.transfers.count == formula.totalMessageCount)
                // (n - 1)·S, or 2·(n - 1)/n·S but for the element by which chunks differ.
                let bytes = Double(5 * count * (worldSize - 1))
                let expected = algorithm == .broadcast ? bytes : 2 * bytes / Double(worldSize)
                #expect(isClose(formula.bytesPerWorker, expected))
                let slack = algorithm == .broadcast ? 0 : Double(5 * 2 * worldSize)
                #expect(outcome.byteCounts.allSatisfy { abs(Double($0) - expected) <= slack })
            }
        }
    }

    @Test("the same exchange takes the same time to the last bit")
    func repeatable() throws {
        let plan = AllReducePlan(algorithm: .direct, worldSize: 9, elementCount: 100_000)
        #expect(
            try ExchangeSimulation(plan, over: link).run().transfers
                == ExchangeSimulation(plan, over: link).run().transfers)
    }

    @Test("scripts that do not fit together are errors that name the workers")
    func misfits() {
        func script(_ worker: Int, _ count: Int) -> ExchangeScript {
            AllReducePlan(algorithm: .ring, worldSize: 2, elementCount: count).script(workerRank: worker)
        }
        let other = #expect(throws: BenchmarkError.self) {
            try ExchangeSimulation(scripts: [script(0, 10), script(1, 12)], over: link).run()
        }
        #expect(other?.description.contains("which expects") == true)
        let silent = AllReducePlan(algorithm: .none, worldSize: 2, elementCount: 0).script(workerRank: 1)
        let nothing = #expect(throws: BenchmarkError.self) {
            try ExchangeSimulation(scripts: [script(0, 10), silent], over: link).run()
        }
        #expect(nothing?.description == "worker 0 sends elements 0..<5 to worker 1, which expects nothing")
        // Of one element, worker 1 has nothing to send before worker 0's part is in.
        let waiting = #expect(throws: BenchmarkError.self) {
            try ExchangeSimulation(scripts: [silent, script(1, 1)], over: link).run()
        }
        #expect(
            waiting?.description
                == "worker 1 of 2 waits for ever: 1 of 1 segments have not come in, 1 of 1 have not left")
    }
}
