//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import Foundation
import Testing

private let algorithms: [AllReducePlan.Algorithm] = [.broadcast, .direct, .ring]

/// A deadline that only a deadlock reaches.
private var generous: ContinuousClock.Instant { .now + .seconds(120) }

@Suite("All-reduce over threads and bounded links")
struct AllReducerTests {
    func vectors(worldSize: Int, count: Int, seed: UInt64) -> [[Int64]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<worldSize).map { _ in
            (0..<count).map { _ in Int64.random(in: -(1 << 58)...(1 << 58), using: &generator) }
        }
    }

    func sum(_ vectors: [[Int64]]) -> [Int64] {
        vectors.dropFirst().reduce(vectors[0]) { zip($0, $1).map(+) }
    }

    @Test("every algorithm gives every worker the sum, whatever the world and the length", arguments: 1...16)
    func sums(worldSize: Int) throws {
        for count in [0, 1, 2, worldSize - 1, worldSize, worldSize + 1, 37, 100, 257] {
            for segment in [1, 3, 16, 1000] where count < 200 || segment > 1 {
                let inputs = vectors(worldSize: worldSize, count: count, seed: UInt64(count * 31 + segment))
                let expected = sum(inputs)
                for algorithm in algorithms {
                    let network = InMemoryNetwork(worldSize: worldSize, capacity: 5)
                    let outputs = network.run { links in
                        var vector = inputs[links.workerRank]
                        let plan = AllReducePlan(
                            algorithm: algorithm, worldSize: worldSize, elementCount: count,
                            segmentElementCount: segment)
                        try AllReducer(links: links).allReduce(&vector, plan: plan, deadline: generous)
                        return vector
                    }
                    for output in outputs {
                        #expect(try output.get() == expected, "\(algorithm) of \(count) by \(segment)")
                    }
                }
            }
        }
    }

    @Test("many exchanges one after the other, workers arriving at random times", arguments: [2, 3, 5])
    func skew(worldSize: Int) throws {
        let rounds = 30
        let network = InMemoryNetwork(worldSize: worldSize, capacity: 7)
        let outputs = network.run { links in
            var generator = SeededGenerator(seed: UInt64(links.workerRank))
            let reducer = AllReducer(
                links: links, costs: ExchangeCosts(latency: 1e-6, perMessage: 1e-7, perByte: 1e-7),
                segmentElementCount: 8)
            var results: [[Int64]] = []
            for round in 0..<rounds {
                Thread.sleep(forTimeInterval: Double.random(in: 0...0.003, using: &generator))
                var vector = vectors(worldSize: worldSize, count: round * 7 % 90, seed: UInt64(round))[links.workerRank]
                try reducer.allReduce(&vector, deadline: generous)
                results.append(vector)
            }
            return results
        }
        for output in outputs {
            let results = try output.get()
            for round in 0..<rounds {
                let inputs = vectors(worldSize: worldSize, count: round * 7 % 90, seed: UInt64(round))
                #expect(results[round] == sum(inputs))
            }
        }
    }

    @Test("all workers measure the same costs and choose the same", arguments: [2, 3, 4])
    func costs(worldSize: Int) throws {
        let network = InMemoryNetwork(worldSize: worldSize, capacity: 256)
        let outputs = network.run { links in
            let reducer = AllReducer(links: links)
            try reducer.measureCosts(deadline: generous, elementCount: 2000)
            var vector = vectors(worldSize: worldSize, count: 50, seed: 5)[links.workerRank]
            try reducer.allReduce(&vector, deadline: generous)
            return (reducer.costs, vector)
        }
        let expected = sum(vectors(worldSize: worldSize, count: 50, seed: 5))
        let first = try outputs[0].get().0
        #expect(first != ExchangeCosts())
        for output in outputs {
            let (costs, vector) = try output.get()
            #expect(costs == first)
            #expect(vector == expected)
        }
    }

    @Test("a worker's own vector stays as it is, and the sum's memory is used again")
    func ownVector() throws {
        let network = InMemoryNetwork(worldSize: 3, capacity: 8)
        let inputs = vectors(worldSize: 3, count: 200, seed: 9)
        let outputs = network.run { links in
            let own = inputs[links.workerRank]
            let reducer = AllReducer(links: links, segmentElementCount: 16)
            var total = [Int64](repeating: 77, count: 200)
            for algorithm in algorithms {
                let plan = AllReducePlan(
                    algorithm: algorithm, worldSize: 3, elementCount: 200, segmentElementCount: 16)
                try reducer.sum(own, into: &total, plan: plan, deadline: generous)
                guard own == inputs[links.workerRank], total == sum(inputs) else { return false }
            }
            return true
        }
        for output in outputs {
            #expect(try output.get())
        }
    }

    @Test("one worker, and no elements: nothing is exchanged")
    func nothing() throws {
        let alone = InMemoryNetwork(worldSize: 1, capacity: 1)
        var vector: [Int64] = [1, .min, .max]
        try AllReducer(links: alone.links(of: 0)).allReduce(&vector, deadline: generous)
        #expect(vector == [1, .min, .max])
        // Nobody else answers here; an exchange would wait.
        var empty: [Int64] = []
        try AllReducer(links: InMemoryNetwork(worldSize: 4, capacity: 1).links(of: 2))
            .allReduce(&empty, deadline: generous)
        #expect(empty.isEmpty)
    }

    @Test("a worker that dies is named by every survivor", arguments: algorithms)
    func death(algorithm: AllReducePlan.Algorithm) {
        let network = InMemoryNetwork(worldSize: 5, capacity: 4)
        let outputs = network.run { links in
            if links.workerRank == 3 {
                Thread.sleep(forTimeInterval: 0.05)
                network.kill(3)
                return
            }
            var vector = [Int64](repeating: 1, count: 500)
            let plan = AllReducePlan(
                algorithm: algorithm, worldSize: 5, elementCount: 500, segmentElementCount: 16)
            try AllReducer(links: links).allReduce(&vector, plan: plan, deadline: generous)
        }
        for (worker, output) in outputs.enumerated() where worker != 3 {
            let error = #expect(throws: CollectiveError.self) { try output.get() }
            #expect(error?.code == .peerLost)
            #expect(error?.peers == [3])
        }
    }

    @Test("a worker that never comes: the deadline's error names who was awaited", arguments: algorithms)
    func absence(algorithm: AllReducePlan.Algorithm) {
        let network = InMemoryNetwork(worldSize: 3, capacity: 4)
        let outputs = network.run { links in
            if links.workerRank == 1 {
                return
            }
            var vector = [Int64](repeating: 1, count: 300)
            let plan = AllReducePlan(
                algorithm: algorithm, worldSize: 3, elementCount: 300, segmentElementCount: 16)
            try AllReducer(links: links).allReduce(&vector, plan: plan, deadline: .now + .milliseconds(100))
        }
        for (worker, output) in outputs.enumerated() where worker != 1 {
            let error = #expect(throws: CollectiveError.self) { try output.get() }
            #expect(error?.code == .deadlinePassed)
            // In a ring, who waits for a worker that waits names that one; direct exchanges name the absent one.
            #expect(error?.peers.isEmpty == false)
            if worker == 2 || algorithm != .ring {
                #expect(error?.peers.contains(1) == true, "\(String(describing: error))")
            }
        }
    }

    @Test("workers that disagree about the length are told so")
    func disagreement() {
        let network = InMemoryNetwork(worldSize: 2, capacity: 4)
        let outputs = network.run { links in
            var vector = [Int64](repeating: 1, count: links.workerRank == 0 ? 10 : 11)
            let plan = AllReducePlan(algorithm: .broadcast, worldSize: 2, elementCount: vector.count)
            try AllReducer(links: links).allReduce(&vector, plan: plan, deadline: .now + .milliseconds(200))
        }
        let errors = outputs.compactMap { output -> CollectiveError? in
            guard case .failure(let error) = output else {
                return nil
            }
            return error as? CollectiveError
        }
        #expect(errors.contains { $0.code == .unexpectedData })
    }

    @Test("a sum that does not fit is refused, wherever it stands", arguments: [0, 17, 66], [Int64.max, .min])
    func overflow(place: Int, extreme: Int64) throws {
        for addend in [extreme.signum(), -extreme.signum()] {
            let network = InMemoryNetwork(worldSize: 3, capacity: 4)
            let outputs = network.run { links in
                // The third worker's zeros are added first or last.
                var vector = [Int64](repeating: 0, count: 67)
                vector[place] = [extreme, addend, 0][links.workerRank]
                let plan = AllReducePlan(algorithm: .broadcast, worldSize: 3, elementCount: vector.count)
                try AllReducer(links: links).allReduce(&vector, plan: plan, deadline: generous)
                return vector
            }
            for output in outputs {
                if addend == extreme.signum() {
                    let error = #expect(throws: CollectiveError.self) { try output.get() }
                    #expect(error?.code == .unexpectedData)
                } else {
                    #expect(try output.get()[place] == extreme + addend)
                }
            }
        }
    }
}
