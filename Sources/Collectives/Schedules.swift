//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Everybody sends everything to everybody: one round, for vectors so short that only the number of rounds counts.
///
/// Bytes sent by each of n workers: (n - 1)·S.
package enum BroadcastSchedule {
    /// - Precondition: `workerRank` is one of `worldSize`.
    package static func script(workerRank: Int, partition: Partition) -> ExchangeScript {
        var script = ExchangeScript()
        let segments = partition.segments(of: 0..<partition.elementCount)
        for peer in peers(of: workerRank, worldSize: partition.chunkCount) {
            for segment in segments {
                script.send(segment, to: peer)
                script.receive(segment, from: peer, .add)
            }
        }
        return script
    }
}

/// Reduce-scatter and all-gather in one step each over the mesh: every worker owns a chunk, gets everybody's part of
/// it, adds, and sends the sum to everybody.
///
/// Two rounds whatever the number of workers; bytes sent by each of n: 2·(n - 1)/n·S. Segment k of the sum leaves as
/// soon as everybody's segment k is there.
package enum DirectSchedule {
    /// - Precondition: `workerRank` is one of `worldSize`.
    package static func script(workerRank: Int, partition: Partition) -> ExchangeScript {
        var script = ExchangeScript()
        let peers = peers(of: workerRank, worldSize: partition.chunkCount)
        let own = partition.segments(of: partition.chunk(workerRank))
        var parts: [[Int]] = Array(repeating: [], count: own.count)
        for peer in peers {
            for segment in partition.segments(of: partition.chunk(peer)) {
                script.send(segment, to: peer)
            }
            for (index, segment) in own.enumerated() {
                parts[index].append(script.receive(segment, from: peer, .add))
            }
        }
        for peer in peers {
            for (index, segment) in own.enumerated() {
                script.send(segment, to: peer, after: parts[index])
            }
            for segment in partition.segments(of: partition.chunk(peer)) {
                script.receive(segment, from: peer, .replace)
            }
        }
        return script
    }
}

/// Reduce-scatter and all-gather around a ring: every worker speaks to two others only.
///
/// Step s of the reduce-scatter, s from 0 to n - 2: worker r sends chunk r - s to worker r + 1, and receives chunk
/// r - s - 1 from worker r - 1 and adds its own part. Then worker r has the whole sum of chunk r + 1, which goes round
/// the same way, replacing. All indexes modulo n. 2·(n - 1) steps; bytes sent by each: 2·(n - 1)/n·S.
///
/// A segment is sent on as soon as it has come in, not when its chunk has: steps overlap.
/// Source: Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations".
package enum RingSchedule {
    /// - Precondition: `workerRank` is one of `worldSize`.
    package static func script(workerRank: Int, partition: Partition) -> ExchangeScript {
        var script = ExchangeScript()
        let worldSize = partition.chunkCount
        precondition((0..<worldSize).contains(workerRank), "worker \(workerRank) of \(worldSize)")
        let next = (workerRank + 1) % worldSize
        let previous = (workerRank + worldSize - 1) % worldSize

        // What came in the step before is what goes out in this one, segment by segment.
        var arrived: [Int]?
        for step in 0..<(2 * (worldSize - 1)) {
            let outgoing = partition.segments(of: partition.chunk(workerRank - step))
            for (index, segment) in outgoing.enumerated() {
                script.send(segment, to: next, after: arrived.map { [$0[index]] } ?? [])
            }
            let incoming = partition.segments(of: partition.chunk(workerRank - step - 1))
            arrived = incoming.map { segment in
                script.receive(segment, from: previous, step < worldSize - 1 ? .add : .replace)
            }
        }
        return script
    }
}

/// All other workers, starting with the next one, so that not everybody sends to worker 0 first.
private func peers(of workerRank: Int, worldSize: Int) -> [Int] {
    precondition((0..<worldSize).contains(workerRank), "worker \(workerRank) of \(worldSize)")
    return (1..<max(worldSize, 1)).map { (workerRank + $0) % worldSize }
}
