//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import Foundation

/// Workers in one process, one thread each, joined by bounded queues: a wrong order of sends and receives deadlocks
/// here as it would over sockets, and runs into the deadline.
///
/// `@unchecked Sendable`: everything is read and written under `condition`.
final class InMemoryNetwork: @unchecked Sendable {
    let worldSize: Int
    /// How many elements a link holds between its ends.
    let capacity: Int
    private let condition = NSCondition()
    /// By sender and receiver.
    private var queues: [[[Item]]]
    private var dead: Set<Int> = []

    struct Item {
        let range: Range<Int>
        let offset: Int
        let value: Int64
    }

    init(worldSize: Int, capacity: Int) {
        self.worldSize = worldSize
        self.capacity = capacity
        queues = Array(repeating: Array(repeating: [], count: worldSize), count: worldSize)
    }

    /// A worker dies: all its links close.
    func kill(_ worker: Int) {
        condition.withLock {
            dead.insert(worker)
            condition.broadcast()
        }
    }

    func links(of workerRank: Int) -> InMemoryLinks {
        InMemoryLinks(network: self, workerRank: workerRank)
    }

    /// Runs `body` on one thread a worker and returns what each gave or threw.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (InMemoryLinks) throws -> Value
    ) -> [Result<Value, any Error>] {
        let results = Results<Value>(count: worldSize)
        let threads = (0..<worldSize).map { worker in
            let thread = Thread {
                results.set(worker, Result { try body(self.links(of: worker)) })
            }
            thread.start()
            return thread
        }
        return withExtendedLifetime(threads) { results.wait() }
    }

    fileprivate func exchange(
        worker: Int, outgoing: [OutgoingSegment], incoming: [IncomingSegment], deadline: ContinuousClock.Instant
    ) throws {
        var sends = (0..<worldSize).map { peer in outgoing.indices.filter { outgoing[$0].peer == peer } }
        var receives = (0..<worldSize).map { peer in incoming.indices.filter { incoming[$0].peer == peer } }
        var sent = [Int](repeating: 0, count: worldSize)
        var got = [Int](repeating: 0, count: worldSize)
        var done = [Bool](repeating: false, count: incoming.count)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if dead.contains(worker) {
                throw CollectiveError(.peerLost, peers: [worker], "worker \(worker) is dead itself")
            }
            if let peer = dead.min() {
                throw CollectiveError(.peerLost, peers: [peer], "worker \(worker) lost worker \(peer)")
            }
            var progressed = false
            for peer in 0..<worldSize where peer != worker {
                while let index = sends[peer].first, outgoing[index].after.allSatisfy({ done[$0] }),
                    queues[worker][peer].count < capacity
                {
                    let segment = outgoing[index]
                    queues[worker][peer].append(
                        Item(range: segment.range, offset: sent[peer], value: segment.elements[sent[peer]]))
                    sent[peer] += 1
                    progressed = true
                    if sent[peer] == segment.elements.count {
                        sends[peer].removeFirst()
                        sent[peer] = 0
                    }
                }
                while let index = receives[peer].first, let item = queues[peer][worker].first {
                    let segment = incoming[index]
                    guard item.range == segment.range, item.offset == got[peer] else {
                        throw CollectiveError(
                            .unexpectedData, peers: [peer],
                            "worker \(worker) expected \(segment.range) from \(peer), found \(item.range)")
                    }
                    queues[peer][worker].removeFirst()
                    let place = got[peer]
                    switch segment.destination {
                    case .replace(let elements): elements[place] = item.value
                    case .add(let sum):
                        sum.add(place..<place + 1, from: peer) { addends, sums in
                            let (both, overflows) = addends[0].addingReportingOverflow(item.value)
                            sums[0] = both
                            return !overflows
                        }
                    }
                    got[peer] += 1
                    progressed = true
                    if got[peer] == segment.range.count {
                        receives[peer].removeFirst()
                        got[peer] = 0
                        done[index] = true
                    }
                }
            }
            if sends.allSatisfy(\.isEmpty) && receives.allSatisfy(\.isEmpty) {
                condition.broadcast()
                return
            }
            if progressed {
                condition.broadcast()
                continue
            }
            let rest = deadline - .now
            let isInTime = condition.wait(
                until: Date().addingTimeInterval(
                    Double(rest.components.seconds) + Double(rest.components.attoseconds) / 1e18))
            if !isInTime && deadline <= .now {
                let awaited = (0..<worldSize).filter { !receives[$0].isEmpty }
                let stuck = (0..<worldSize).filter { !sends[$0].isEmpty }
                throw CollectiveError(
                    .deadlinePassed, peers: awaited.isEmpty ? stuck : awaited,
                    "worker \(worker) waited for workers \(awaited), could not send to \(stuck)")
            }
        }
    }
}

/// One worker's end.
final class InMemoryLinks: PeerLinks {
    let network: InMemoryNetwork
    let workerRank: Int

    init(network: InMemoryNetwork, workerRank: Int) {
        self.network = network
        self.workerRank = workerRank
    }

    var worldSize: Int { network.worldSize }

    func exchange(
        outgoing: [OutgoingSegment], incoming: [IncomingSegment], deadline: ContinuousClock.Instant
    ) throws {
        try network.exchange(
            worker: workerRank, outgoing: outgoing, incoming: incoming, deadline: deadline)
    }
}

/// What the threads gave.
///
/// `@unchecked Sendable`: everything is read and written under `condition`.
private final class Results<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var values: [Result<Value, any Error>?]

    init(count: Int) {
        values = Array(repeating: nil, count: count)
    }

    func set(_ index: Int, _ value: Result<Value, any Error>) {
        condition.withLock {
            values[index] = value
            condition.broadcast()
        }
    }

    func wait() -> [Result<Value, any Error>] {
        condition.withLock {
            while values.contains(where: { $0 == nil }) {
                condition.wait()
            }
            return values.compactMap { $0 }
        }
    }
}
