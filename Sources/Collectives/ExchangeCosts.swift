//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What moving integers between workers costs; the model from which an algorithm is chosen.
///
/// All workers must use the same numbers, or they choose differently: they are these, or measured and agreed upon by
/// `AllReducer.measureCosts`. They decide speed, never the result. The defaults describe workers on one gigabit Ethernet
/// switch, TLS included.
package struct ExchangeCosts: Hashable, Sendable {
    /// From a send's start to the receiver's reaction, in seconds: half a round trip, two wake-ups, a TLS record.
    package var latency: Double
    /// What each message costs its sender and its receiver besides, in seconds: system calls, a header.
    package var perMessage: Double
    /// What a byte costs on a worker's own link, in seconds; a link sends and receives at the same time.
    package var perByte: Double
    /// By how much each further sender to one receiver slows that receiver, as a part of `perByte`.
    ///
    /// Several streams meet in one switch port, lose packets and wait for each other. Below zero where it is the ring
    /// that waits, its workers for a processor.
    package var crowding: Double
    /// What adding a byte that has come in costs, in seconds.
    package var perAddedByte: Double

    package init(
        latency: Double = 100e-6, perMessage: Double = 10e-6, perByte: Double = 1 / 110e6, crowding: Double = 0.02,
        perAddedByte: Double = 0.1e-9
    ) {
        self.latency = latency
        self.perMessage = perMessage
        self.perByte = perByte
        self.crowding = crowding
        self.perAddedByte = perAddedByte
    }

    /// The expected time of an all-reduce, in seconds.
    ///
    /// For n workers, a vector of S bytes, chunks of C = S/n, cut in k segments of at most s bytes; t is the time of a byte,
    /// c = 1 + crowding·(n - 2), m the time of a message, w the latency:
    ///
    ///     broadcast   w + (n - 1)·(k·m + S·c·t)                    k: segments of the whole vector
    ///     direct      w + max(2·p, p + (n - 1)·(m + s·c·t) + w)    p = (n - 1)·(k·m + C·c·t)
    ///     ring        (2·n - 3)·max(k·m + C·t, w + m + s·t) + w + k·m + C·t
    ///
    /// and what is added: (n - 1)·S bytes, else (n - 1)·C. A maximum has two sides: either the links never pause, or the
    /// last segment of a chunk is waited for. Adding apart, it is what an exchange takes whose messages follow each other
    /// like that, where all chunks have the same length.
    package func seconds(_ plan: AllReducePlan) -> Double {
        let shape = Shape(plan.partition)
        let others = shape.others
        let crowded = perByte * (1 + crowding * max(others - 1, 0))
        let added = others * perAddedByte
        switch plan.algorithm {
        case .none:
            return 0
        case .broadcast:
            return latency + others * (shape.whole.messages * perMessage + shape.whole.bytes * crowded)
                + added * shape.whole.bytes
        case .direct:
            let part = others * (shape.chunk.messages * perMessage + shape.chunk.bytes * crowded)
            let last = others * (perMessage + shape.segmentBytes * crowded)
            return latency + max(2 * part, part + last + latency) + added * shape.chunk.bytes
        case .ring:
            let step = shape.chunk.messages * perMessage + shape.chunk.bytes * perByte
            let hop = latency + perMessage + shape.segmentBytes * perByte
            return (2 * others - 1) * max(step, hop) + latency + step + added * shape.chunk.bytes
        }
    }

    /// What of a partition decides about time.
    private struct Shape {
        /// The workers that each talks to.
        let others: Double
        /// The messages and the bytes of the vector, and of its longest chunk.
        let whole, chunk: (messages: Double, bytes: Double)
        /// The longest segment of a chunk.
        let segmentBytes: Double

        init(_ partition: Partition) {
            func size(_ count: Int) -> (messages: Double, bytes: Double) {
                (
                    Double((count + partition.segmentElementCount - 1) / partition.segmentElementCount),
                    Double(count * MemoryLayout<Int64>.size)
                )
            }
            let longest = partition.chunk(0).count
            others = Double(partition.chunkCount - 1)
            whole = size(partition.elementCount)
            chunk = size(longest)
            segmentBytes = size(min(longest, partition.segmentElementCount)).bytes
        }
    }

    /// The costs that explain measured times best.
    ///
    /// Where times contradict the model, which processors shared by workers can make them do, a cost stays at the least
    /// that the others leave.
    /// - Parameters:
    ///   - broadcast, ring: Of one element, in seconds.
    ///   - longRing, longDirect: Of `elementCount` elements, in seconds.
    /// - Precondition: At least two workers, at least one element.
    package init(
        worldSize: Int, broadcast: Double, ring: Double, longRing: Double, longDirect: Double, elementCount: Int
    ) {
        precondition(
            worldSize > 1 && elementCount > 0,
            "no exchange of \(elementCount) elements between \(worldSize) workers has a cost")
        self.init()
        let shape = Shape(
            Partition(
                elementCount: elementCount, chunkCount: worldSize,
                segmentElementCount: AllReducePlan.defaultSegmentElementCount))
        let others = shape.others
        // Of one element: broadcast = latency + others · perMessage, ring = 2 · others · (latency + perMessage)
        let round = max(ring / (2 * others), 1e-9)
        let solved = worldSize > 2 ? (broadcast - round) / (others - 1) : 0
        perMessage = min(max(solved, 0.05 * round), 0.5 * round)
        latency = round - perMessage
        let added = others * shape.chunk.bytes * perAddedByte
        let messages = shape.chunk.messages * perMessage
        // Each side of a maximum gives a time of a byte at which it would last as long as was measured. Both grow with that
        // time, so the side that counts is the one that gives the shorter.
        let direct = longDirect - added - latency
        let crowded = max(
            min(
                (direct / (2 * others) - messages) / shape.chunk.bytes,
                ((direct - latency) / others - messages - perMessage) / (shape.chunk.bytes + shape.segmentBytes)),
            1e-12)
        guard worldSize > 2 else {
            perByte = crowded
            return
        }
        // Nobody crowds anybody in a ring. A ring that is slower has other troubles, which its bytes then stand for.
        let around = longRing - added - latency
        let hops = 2 * others - 1
        perByte = max(
            min(
                (around / (2 * others) - messages) / shape.chunk.bytes,
                (around - messages - hops * round) / (shape.chunk.bytes + hops * shape.segmentBytes)),
            1e-12)
        crowding = min(max((crowded / perByte - 1) / (others - 1), -0.5 / (others - 1)), 1)
    }
}
