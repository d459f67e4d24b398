//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Rehearsal
import Testing

@Suite("Rehearsals")
struct RehearsalTests {
    /// Seeds that nobody has tried before; the first of them is all that it takes to try them again.
    private static let first = UInt64.random(in: 0..<(1 << 48))
    private static let parts = 8
    private static let seedsAPart: UInt64 = 250

    @Test("2,000 fresh seeds break no invariant", arguments: 0..<parts)
    func freshSeeds(part: Int) {
        let first = Self.first + UInt64(part) * Self.seedsAPart
        FileHandle.standardError.write(Data("rehearsal seeds \(first) to \(first + Self.seedsAPart - 1)\n".utf8))
        for seed in first..<(first + Self.seedsAPart) {
            let outcome = Rehearsal(seed: seed).run()
            if let broken = outcome.broken {
                Issue.record(
                    """
                    seed \(seed), \(outcome.world) workers: \(broken)
                    replay: loradrop rehearse --seeds 1 --first-seed \(seed) --trace
                    """)
            }
        }
    }

    @Test("A seed replays: the same events, to the line")
    func replays() {
        for seed in 0..<20 as Range<UInt64> {
            let one = Rehearsal(seed: seed, isTracing: true).run()
            let other = Rehearsal(seed: seed, isTracing: true).run()
            #expect(one.trace == other.trace)
            #expect(!one.trace.isEmpty)
        }
    }

    @Test("Rehearsals meet faults, restarts and lost states, not only fair weather")
    func meetsFaults() {
        var tally = RehearsalTally()
        for seed in 1000..<1300 as Range<UInt64> {
            tally.add(Rehearsal(seed: seed).run())
        }
        #expect(tally.faults > 600)
        #expect(tally.generations > 600)
        #expect(tally.coordinatorRestarts > 20)
        #expect(tally.statesLost > 5)
        #expect(tally.leftOut > 20)
    }

    @Test(
        "A rule that is broken on purpose is noticed",
        arguments: [
            (Mutation.commitsAfterHalt, Invariant.oneGeneration),
            (.doubledShard, .shardsOnce),
            (.reusedLinks, .oneGeneration),
            (.lostShard, .oneStateAStep),
            (.stepTwice, .oneStateAStep),
            (.lostJournalLine, .nothingLost),
            (.olderCheckpoint, .nothingLost),
            (.lowerState, .protocolFollowed),
            (.answersTwice, .answersInOrder),
            (.neverEquips, .progress),
            (.noWindow, .boundedQueues),
            (.damagedExport, .finalState),
            (.namesNobody, .progress),
            (.oneDigestForTwoSteps, .oneStateAStep),
            (.doneBeforeGiven, .protocolFollowed),
        ])
    func mutation(_ mutation: Mutation, _ invariant: Invariant) {
        for seed in 0..<1000 as Range<UInt64> {
            let outcome = Rehearsal(seed: seed, worlds: 1...5, mutation: mutation).run()
            if outcome.broken?.invariant == invariant { return }
        }
        Issue.record("\(mutation) went unnoticed, or was never taken for a breach of \(invariant)")
    }
}
