//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Benchmarks
import Testing

@Suite("All-reduce under load")
struct AllReduceTests {
    @Test("a soak over TLS: random lengths, all algorithms, workers that come late; every sum is right")
    func soak() throws {
        var outcomes: [AllReduceSoak.Outcome] = []
        let settings = AllReduceSoak.Settings(
            rounds: 60, worldSizes: [2, 3, 5], maximumElementCount: 60_000, seed: .random(in: 0...1 << 40))
        try AllReduceSoak(settings).run { outcomes.append($0) }
        #expect(outcomes.map(\.worldSize) == [2, 3, 5])
        #expect(outcomes.map(\.rounds) == [20, 20, 20])
        for outcome in outcomes {
            #expect(outcome.elementCount > 20)
            #expect(outcome.roundsByAlgorithm.values.reduce(0, +) == 20)
        }
        // A round is what its seed says, so a failing one can be run again.
        var again: [AllReduceSoak.Outcome] = []
        try AllReduceSoak(settings).run { again.append($0) }
        #expect(again.map(\.elementCount) == outcomes.map(\.elementCount))
    }

    @Test("a soak in which one element of one worker is off by one says where")
    func wrongSum() throws {
        let settings = AllReduceSoak.Settings(
            rounds: 20, worldSizes: [3], maximumElementCount: 1000, seed: 3, damagedRound: 13)
        let error = #expect(throws: BenchmarkError.self) { try AllReduceSoak(settings).run { _ in } }
        #expect(error.map { "\($0)".contains("round 13 of 20 with 3 workers and seed 3") } == true)
        #expect(error.map { "\($0)".contains("wrong sum") } == true)
    }
}
