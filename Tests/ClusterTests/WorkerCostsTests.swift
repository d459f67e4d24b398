//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Testing

@Suite("Who costs what")
struct WorkerCostsTests {
    @Test("Shares, speeds and waits are those of the reports; the slowest is who the others waited for")
    func table() throws {
        var costs = WorkerCosts()
        costs.report("fast", work: 1, shards: 3, tokens: 300, computing: 1, exchanging: 2.5)
        costs.report("slow", work: 1, shards: 1, tokens: 100, computing: 3, exchanging: 0.5)
        costs.done(1)
        costs.report("fast", work: 2, shards: 3, tokens: 300, computing: 2, exchanging: 1)
        costs.report("slow", work: 2, shards: 1, tokens: 100, computing: 1, exchanging: 2)
        costs.done(2)
        let fast = try #require(costs.parts["fast"])
        let slow = try #require(costs.parts["slow"])
        #expect(fast.speed == 200)
        #expect(slow.speed == 50)
        #expect(fast.tokens == 600 && fast.shards == 6 && fast.steps == 2)
        #expect(slow.timesLast == 1 && slow.heldUpOthers == 2)
        #expect(fast.timesLast == 1 && fast.heldUpOthers == 1)
        let lines = costs.lines
        #expect(lines.count == 3)
        #expect(lines[1].contains("fast") && lines[1].contains("75.0 %") && lines[1].contains("200.0"))
        #expect(lines[2].contains("slow") && lines[2].contains("1x, 2.0 s"))
        #expect(Set(lines.map(\.count)).count == 1)
    }

    @Test("Nobody waits for one alone, nor in a piece of work that was never done")
    func alone() {
        var costs = WorkerCosts()
        #expect(costs.lines.isEmpty)
        costs.report("a", work: 1, shards: 1, tokens: 1, computing: 1, exchanging: 0)
        costs.done(1)
        costs.done(1)
        for work in 2..<500 {
            costs.report("a", work: UInt64(work), shards: 1, tokens: 1, computing: 1, exchanging: 0)
            costs.report("b", work: UInt64(work), shards: 1, tokens: 1, computing: 2, exchanging: 0)
        }
        #expect(costs.parts.values.allSatisfy { $0.timesLast == 0 })
    }
}
