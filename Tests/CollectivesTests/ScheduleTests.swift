//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import Testing

/// Plays the scripts of all workers without I/O, in a random order of events.
///
/// A worker's element is the list of workers whose part is in it. A payload is read when it is received, the latest
/// moment a real link could read it, so a script that changes a stretch before it has gone out is caught.
private struct Play {
    var scripts: [ExchangeScript]
    /// By worker and element: how often each worker's part is in it.
    var vectors: [[[Int]]]
    var originals: [[[Int]]]
    var nextSend: [[Int]]
    var nextReceive: [[Int]]
    var done: [[Bool]]
    var problems: [String] = []

    init(plan: AllReducePlan) {
        let world = plan.partition.chunkCount
        scripts = (0..<world).map { plan.script(workerRank: $0) }
        vectors = (0..<world).map { worker in
            let own = (0..<world).map { $0 == worker ? 1 : 0 }
            return Array(repeating: own, count: plan.partition.elementCount)
        }
        originals = vectors
        nextSend = Array(repeating: Array(repeating: 0, count: world), count: world)
        nextReceive = nextSend
        done = scripts.map { Array(repeating: false, count: $0.receives.count) }
    }

    /// Moves one segment over the link, if its sender may send it and its receiver expects one.
    mutating func move(from sender: Int, to receiver: Int) -> Bool {
        let sends = scripts[sender].sends.filter { $0.peer == receiver }
        let receives = scripts[receiver].receives.indices.filter { scripts[receiver].receives[$0].peer == sender }
        let place = nextSend[sender][receiver]
        guard place < sends.count, sends[place].after.allSatisfy({ done[sender][$0] }) else {
            return false
        }
        guard nextReceive[receiver][sender] < receives.count else {
            problems.append("\(sender) sends \(sends[place].range) to \(receiver), which expects nothing more")
            nextSend[sender][receiver] += 1
            return true
        }
        let index = receives[nextReceive[receiver][sender]]
        let receive = scripts[receiver].receives[index]
        if receive.range != sends[place].range {
            problems.append("\(sender) sends \(sends[place].range) to \(receiver), which expects \(receive.range)")
        }
        for element in receive.range {
            let source = sends[place].after.isEmpty ? originals[sender][element] : vectors[sender][element]
            switch receive.action {
            case .add: vectors[receiver][element] = zip(vectors[receiver][element], source).map(+)
            case .replace: vectors[receiver][element] = source
            }
        }
        done[receiver][index] = true
        nextSend[sender][receiver] += 1
        nextReceive[receiver][sender] += 1
        return true
    }

    mutating func run(using generator: inout SeededGenerator) {
        let world = scripts.count
        var links = (0..<world).flatMap { a in (0..<world).filter { $0 != a }.map { (a, $0) } }
        var moved = true
        while moved {
            moved = false
            links.shuffle(using: &generator)
            for (sender, receiver) in links {
                // One link may run far ahead of the others.
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    moved = move(from: sender, to: receiver) || moved
                }
            }
        }
    }
}

@Suite("Schedules as values")
struct ScheduleTests {
    @Test("every part of every element is added exactly once, in any order of events", arguments: 1...16)
    func exactlyOnce(worldSize: Int) {
        var generator = SeededGenerator(seed: UInt64(worldSize))
        for algorithm in [AllReducePlan.Algorithm.broadcast, .direct, .ring] {
            for count in [0, 1, worldSize - 1, worldSize, 2 * worldSize + 1, 23, 40] {
                for segment in [1, 2, 5, 64] {
                    let plan = AllReducePlan(
                        algorithm: algorithm, worldSize: worldSize, elementCount: count, segmentElementCount: segment)
                    var play = Play(plan: plan)
                    play.run(using: &generator)
                    #expect(play.problems.isEmpty)
                    #expect(play.done.allSatisfy { !$0.contains(false) }, "\(plan) by \(segment) is stuck")
                    let once = Array(repeating: Array(repeating: 1, count: worldSize), count: count)
                    for (worker, vector) in play.vectors.enumerated() {
                        #expect(vector == once, "worker \(worker), \(plan) by \(segment)")
                    }
                }
            }
        }
    }

    @Test("the play notices a worker that follows another schedule")
    func playCanFail() {
        var generator = SeededGenerator(seed: 3)
        var play = Play(
            plan: AllReducePlan(algorithm: .direct, worldSize: 3, elementCount: 4, segmentElementCount: 1))
        play.scripts[1] = AllReducePlan(algorithm: .ring, worldSize: 3, elementCount: 4, segmentElementCount: 1)
            .script(workerRank: 1)
        play.done[1] = Array(repeating: false, count: play.scripts[1].receives.count)
        play.run(using: &generator)
        #expect(!play.problems.isEmpty || play.done.contains { $0.contains(false) })
    }

    @Test("a vector is cut into chunks that cover it once and differ by at most one", arguments: 1...9)
    func partition(chunkCount: Int) {
        for count in 0..<50 {
            let partition = Partition(elementCount: count, chunkCount: chunkCount, segmentElementCount: 4)
            let chunks = (0..<chunkCount).map { partition.chunk($0) }
            #expect(chunks.flatMap { Array($0) } == Array(0..<count))
            #expect((chunks.map(\.count).max() ?? 0) - (chunks.map(\.count).min() ?? 0) <= 1)
            for chunk in chunks {
                let segments = partition.segments(of: chunk)
                #expect(segments.flatMap { Array($0) } == Array(chunk))
                #expect(segments.allSatisfy { (1...4).contains($0.count) })
            }
            #expect(partition.chunk(-1) == partition.chunk(chunkCount - 1))
        }
    }

    @Test("ring and direct exchange send 2·(n - 1)/n of the vector, broadcast n - 1 times all of it", arguments: 2...9)
    func bytes(worldSize: Int) {
        let count = worldSize * 100
        for worker in 0..<worldSize {
            func sent(_ algorithm: AllReducePlan.Algorithm) -> Int {
                AllReducePlan(algorithm: algorithm, worldSize: worldSize, elementCount: count)
                    .script(workerRank: worker).sends.reduce(0) { $0 + $1.range.count }
            }
            #expect(sent(.ring) == 2 * (worldSize - 1) * 100)
            #expect(sent(.direct) == 2 * (worldSize - 1) * 100)
            #expect(sent(.broadcast) == (worldSize - 1) * count)
        }
    }
}

@Suite("The choice of an algorithm")
struct AllReducePlanTests {
    @Test("nothing to exchange")
    func none() {
        #expect(AllReducePlan(worldSize: 1, elementCount: 1_000_000).algorithm == .none)
        #expect(AllReducePlan(worldSize: 7, elementCount: 0).algorithm == .none)
    }

    @Test("short vectors go to everybody, middle ones directly, long ones of many workers around the ring")
    func choice() {
        #expect(AllReducePlan(worldSize: 4, elementCount: 20).algorithm == .broadcast)
        #expect(AllReducePlan(worldSize: 4, elementCount: 20_000).algorithm == .direct)
        #expect(AllReducePlan(worldSize: 16, elementCount: 10_000_000).algorithm == .ring)
        // Two workers send the same number of bytes either way: one round is the fewest, half the additions the least.
        #expect(AllReducePlan(worldSize: 2, elementCount: 1_000).algorithm == .broadcast)
        #expect(AllReducePlan(worldSize: 2, elementCount: 10_000_000).algorithm == .direct)
    }

    @Test("costs measured from the model's own times are the model's", arguments: 2...9, [2e-10, 2e-9, 2e-8])
    func fitted(worldSize: Int, perByte: Double) {
        // Of two workers' times nobody can tell a message from its way: a twentieth of both is taken for the message.
        let costs = ExchangeCosts(
            latency: worldSize == 2 ? 38e-6 : 40e-6, perMessage: worldSize == 2 ? 2e-6 : 5e-6, perByte: perByte,
            crowding: worldSize == 2 ? 0.02 : 0.1)
        // The fit takes the one element of a short vector for nothing.
        var short = costs
        (short.perByte, short.perAddedByte) = (0, 0)
        func plan(_ algorithm: AllReducePlan.Algorithm, _ count: Int) -> AllReducePlan {
            AllReducePlan(algorithm: algorithm, worldSize: worldSize, elementCount: count)
        }
        let count = 65_536
        let fitted = ExchangeCosts(
            worldSize: worldSize, broadcast: short.seconds(plan(.broadcast, 1)), ring: short.seconds(plan(.ring, 1)),
            longRing: costs.seconds(plan(.ring, count)), longDirect: costs.seconds(plan(.direct, count)),
            elementCount: count)
        for (found, expected) in [
            (fitted.latency, costs.latency), (fitted.perMessage, costs.perMessage), (fitted.perByte, costs.perByte),
            (fitted.crowding, costs.crowding),
        ] {
            #expect(abs(found - expected) < 1e-6 * expected, "\(fitted)")
        }
    }

    @Test("a ring whose steps are long does not wait for each of them")
    func hiddenLatency() {
        let plan = AllReducePlan(
            algorithm: .ring, worldSize: 5, elementCount: 10 * AllReducePlan.defaultSegmentElementCount)
        // Two segments a chunk of 131,072 bytes each, 1 ms: the next one is on its way while one comes in.
        let costs = ExchangeCosts(
            latency: 0.5e-3, perMessage: 0, perByte: 1e-3 / 131_072, crowding: 0, perAddedByte: 0)
        #expect(abs(costs.seconds(plan) - (8 * 2e-3 + 0.5e-3)) < 1e-9)
        // A longer way shows: each of seven hops waits for the chunk's last segment.
        var far = costs
        far.latency = 5e-3
        #expect(abs(far.seconds(plan) - (7 * (5e-3 + 1e-3) + 5e-3 + 2e-3)) < 1e-9)
    }

    @Test("times that contradict the model still give costs above zero", arguments: 2...5)
    func contradiction(worldSize: Int) {
        for times in [(1.0, 1e-6, 1e-6, 1.0), (0, 0, 0, 0), (1e-6, 1.0, 1e-9, 1e-6), (-1, -1, -1, -1)] {
            let costs = ExchangeCosts(
                worldSize: worldSize, broadcast: times.0, ring: times.1, longRing: times.2, longDirect: times.3,
                elementCount: 1000)
            for cost in [costs.latency, costs.perMessage, costs.perByte] {
                #expect(cost > 0 && cost.isFinite)
            }
            #expect(costs.crowding.isFinite)
            for algorithm in [AllReducePlan.Algorithm.broadcast, .direct, .ring] {
                let plan = AllReducePlan(algorithm: algorithm, worldSize: worldSize, elementCount: 1_000_000)
                #expect(costs.seconds(plan) > 0)
            }
        }
    }

    @Test("the least time wins, for any costs", arguments: 2...12)
    func least(worldSize: Int) {
        var generator = SeededGenerator(seed: UInt64(worldSize))
        for _ in 0..<100 {
            let costs = ExchangeCosts(
                latency: Double.random(in: 1e-6...1e-2, using: &generator),
                perMessage: Double.random(in: 1e-7...1e-4, using: &generator),
                perByte: Double.random(in: 1e-11...1e-6, using: &generator),
                crowding: Double.random(in: 0...1, using: &generator))
            let count = Int.random(in: 1...1_000_000, using: &generator)
            let time = costs.seconds(AllReducePlan(worldSize: worldSize, elementCount: count, costs: costs))
            for other in [AllReducePlan.Algorithm.broadcast, .direct, .ring] {
                let plan = AllReducePlan(algorithm: other, worldSize: worldSize, elementCount: count)
                // Between two workers a ring takes what a direct exchange takes, but for rounding.
                #expect(time <= costs.seconds(plan) * (1 + 1e-12))
            }
        }
    }
}
