//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Collectives
import Foundation
import SecureTransport
import Synchronization
import Testing
import Wire

private var generous: ContinuousClock.Instant { .now + .seconds(120) }

@Suite("Data links over TLS on loopback")
struct DataLinkTests {
    private func vector(_ rank: Int, _ count: Int) -> [Int64] {
        (0..<count).map { Int64($0 &* 2_654_435_761 % 1_000_003) * Int64(rank + 1) - Int64(rank * rank) }
    }

    /// Every 300 elements another width; a sum of three fits.
    private func wide(_ rank: Int, _ count: Int) -> [Int64] {
        vector(rank, count).enumerated().map { place, value in
            (value &* 0x2545_F491_4F6C_DD1D) >> (3 + place / 300 * 7 % 60)
        }
    }

    @Test("every worker gets the sum, round after round, whoever comes late", arguments: [2, 3, 5])
    func sums(worldSize: Int) throws {
        let counts = [1, 2, 37, 4096, 20_000, 300_000, 5, 0, 1000, 3]
        let results = try LoopbackRing(worldSize: worldSize).run { links, rank in
            let reducer = AllReducer(links: links)
            var sums: [[Int64]] = []
            for (round, count) in counts.enumerated() {
                Thread.sleep(forTimeInterval: Double((rank * 7 + round * 3) % 5) * 0.002)
                var sum = vector(rank, count)
                try reducer.allReduce(&sum, deadline: generous)
                sums.append(sum)
            }
            return sums
        }
        let expected = counts.map { count in
            (1..<worldSize).reduce(vector(0, count)) { zip($0, vector($1, count)).map(+) }
        }
        #expect(results.count == worldSize)
        for result in results {
            #expect(try result.get() == expected)
        }
    }

    @Test("integers of every width, in segments that are longer than what is read at a time", arguments: [2, 3])
    func widths(worldSize: Int) throws {
        let counts = [300, 60_000, 200_000]
        for algorithm in [AllReducePlan.Algorithm.broadcast, .direct, .ring] {
            let results = try LoopbackRing(worldSize: worldSize).run { links, rank in
                try counts.map { count in
                    var sum = wide(rank, count)
                    let plan = AllReducePlan(
                        algorithm: algorithm, worldSize: worldSize, elementCount: count, segmentElementCount: 60_000)
                    try AllReducer(links: links).allReduce(&sum, plan: plan, deadline: generous)
                    return sum
                }
            }
            let expected = counts.map { count in
                (1..<worldSize).reduce(wide(0, count)) { zip($0, wide($1, count)).map(+) }
            }
            for result in results {
                #expect(try result.get() == expected, "\(algorithm)")
            }
        }
    }

    @Test("a worker that is gone is named by every other one")
    func death() throws {
        let results = try LoopbackRing(worldSize: 3).run(dying: 1) { links, rank in
            // Its links end with it.
            guard rank != 1 else { return }
            var sum = [Int64](repeating: 1, count: 10_000)
            try AllReducer(links: links).allReduce(&sum, deadline: generous)
        }
        for rank in [0, 2] {
            #expect {
                try results[rank].get()
            } throws: { error in
                (error as? CollectiveError)?.peers.contains(1) == true && "\(error)".contains("w1")
            }
        }
    }

    @Test("a cancelled exchange ends")
    func cancelled() throws {
        let ring = try LoopbackRing(worldSize: 2)
        let results = ring.run { links, rank in
            guard rank == 0 else {
                // Never takes part; it holds its links until the other one has given up.
                ring.cancellations[0].fire()
                _ = ring.finished.wait(timeout: .now() + 60)
                return withExtendedLifetime(links) {}
            }
            defer { ring.finished.signal() }
            var sum = [Int64](repeating: 1, count: 100)
            try AllReducer(links: links).allReduce(&sum, deadline: generous)
        }
        #expect {
            try results[0].get()
        } throws: { error in
            (error as? TransportError)?.code == .cancelled
        }
    }

    @Test("who is missing is named when the time is up")
    func missing() throws {
        let ring = try LoopbackRing(worldSize: 3)
        #expect {
            // The first dials nobody and waits for both others, who never call.
            _ = try ring.formation(0, timeLimit: .milliseconds(50)).form(
                ring.roster, cancellation: ring.cancellations[0])
        } throws: { error in
            "\(error)".contains("w1") && "\(error)".contains("w2")
        }
    }

    @Test("a link of another run, incarnation or generation is refused, and the right one still gets through")
    func strangers() throws {
        let ring = try LoopbackRing(worldSize: 2)
        let own = ring.roster.members
        let wrong = [
            (run: "other", incarnation: UInt64(1), roster: ring.roster),
            (run: ring.run, incarnation: 2, roster: ring.roster),
            (run: ring.run, incarnation: 1, roster: try Roster(generation: 2, members: own)),
        ]
        let callers = DispatchGroup()
        let first = Mutex<Result<Int, any Error>?>(nil)
        DispatchQueue(label: "first").async(group: callers) {
            let formed = Result { try ring.formation(0).form(ring.roster, cancellation: ring.cancellations[0]) }
            first.withLock { $0 = formed.map(\.worldSize) }
            // Its links stay until the other side has formed its own.
            _ = ring.finished.wait(timeout: .now() + 60)
            withExtendedLifetime(formed) {}
        }
        for call in wrong {
            let formation = DataLinkFormation(
                ownName: "w1", runID: call.run, coordinatorIncarnation: call.incarnation, listener: ring.listeners[1],
                context: ring.contexts[1], timeLimit: .milliseconds(200))
            // It dials again and again until its time is over.
            let missing = #expect(throws: MissingDataLinks.self) {
                _ = try formation.form(call.roster, cancellation: ring.cancellations[1])
            }
            #expect(missing?.workerRanks == [0])
        }
        let second = Result { try ring.formation(1).form(ring.roster, cancellation: ring.cancellations[1]) }
        ring.finished.signal()
        callers.wait()
        #expect(try second.get().worldSize == 2)
        #expect(try first.withLock { $0 }?.get() == 2)
    }
}
