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
    package func seconds(_ algorithm: AllReducePlan.Algorithm, worldSize: Int, elementCount: Int) -> Double {
        let others = Double(worldSize - 1)
        let bytes = Double(elementCount) * Double(MemoryLayout<Int64>.size)
        let part = others / Double(worldSize) * bytes
        let crowded = perByte * (1 + crowding * max(others - 1, 0))
        return switch algorithm {
        case .none: 0
        case .broadcast: latency + others * perMessage + others * bytes * (crowded + perAddedByte)
        case .direct: 2 * (latency + others * perMessage) + part * (2 * crowded + perAddedByte)
        case .ring: 2 * others * (latency + perMessage) + part * (2 * perByte + perAddedByte)
        }
    }

    /// The costs that explain measured times best.
    ///
    /// Where times contradict the model, which processors shared by workers can make them do, a cost stays at the least
    /// that the others leave.
    /// - Parameters:
    ///   - broadcast, ring: Of one element, in seconds.
    ///   - longRing, longDirect: Of `elementCount` elements, in seconds.
    /// - Precondition: At least two workers.
    package init(
        worldSize: Int, broadcast: Double, ring: Double, longRing: Double, longDirect: Double, elementCount: Int
    ) {
        precondition(worldSize > 1, "no exchange between \(worldSize) workers has a cost")
        self.init()
        let others = Double(worldSize - 1)
        // broadcast = latency + others · perMessage, ring = 2 · others · (latency + perMessage)
        let round = max(ring / (2 * others), 1e-9)
        let solved = worldSize > 2 ? (broadcast - round) / (others - 1) : 0
        perMessage = min(max(solved, 0.05 * round), 0.5 * round)
        latency = round - perMessage
        let bytes = Double(elementCount) * Double(MemoryLayout<Int64>.size)
        let part = others / Double(worldSize) * bytes
        let added = part * perAddedByte
        let crowded = max((longDirect - 2 * (latency + others * perMessage) - added) / (2 * part), 1e-12)
        guard worldSize > 2 else {
            perByte = crowded
            return
        }
        // Nobody crowds anybody in a ring. A ring that is slower has other troubles, which its bytes then stand for.
        perByte = max((longRing - 2 * others * round - added) / (2 * part), 1e-12)
        crowding = min(max((crowded / perByte - 1) / (others - 1), -0.5 / (others - 1)), 1)
    }
}
