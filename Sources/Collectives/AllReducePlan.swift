//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What moving integers between workers costs; the model from which an algorithm is chosen.
///
/// All workers must use the same numbers, or they choose differently: they come from the configuration or are these.
/// The defaults describe workers on one gigabit Ethernet switch, TLS included; they decide speed, never the result.
package struct ExchangeCosts: Hashable, Sendable {
    /// From a send's start to the receiver's reaction, in seconds: half a round trip, two wake-ups, a TLS record.
    package var latency: Double
    /// What each message costs its sender and its receiver besides, in seconds: system calls, a header.
    package var perMessage: Double
    /// What a byte costs on a worker's own link, in seconds; a link sends and receives at the same time.
    package var perByte: Double
    /// By how much each further sender to one receiver slows that receiver, as a part of `perByte`: several streams
    /// meet in one switch port, lose packets and wait for each other.
    package var crowding: Double

    package init(
        latency: Double = 100e-6, perMessage: Double = 10e-6, perByte: Double = 1 / 110e6, crowding: Double = 0.02
    ) {
        self.latency = latency
        self.perMessage = perMessage
        self.perByte = perByte
        self.crowding = crowding
    }

    /// The expected time of an all-reduce, in seconds.
    package func seconds(_ algorithm: AllReducePlan.Algorithm, worldSize: Int, elementCount: Int) -> Double {
        let others = Double(worldSize - 1)
        let bytes = Double(elementCount) * Double(MemoryLayout<Int64>.size)
        let shared = 2 * others / Double(worldSize) * bytes * perByte
        let crowded = 1 + crowding * max(others - 1, 0)
        return switch algorithm {
        case .none: 0
        case .broadcast: latency + others * perMessage + others * bytes * perByte * crowded
        case .direct: 2 * (latency + others * perMessage) + shared * crowded
        case .ring: 2 * others * (latency + perMessage) + shared
        }
    }
}

/// How a vector of a length is summed over a number of workers: a function of those numbers alone, so that every
/// worker plans the same.
package struct AllReducePlan: Hashable, Sendable, CustomStringConvertible {
    /// The ways to do it.
    ///
    /// All give the same bits; only their times differ.
    package enum Algorithm: String, CaseIterable, Hashable, Sendable {
        /// Nothing to exchange: one worker, or no elements.
        case none
        /// See `BroadcastSchedule`.
        case broadcast
        /// See `DirectSchedule`.
        case direct
        /// See `RingSchedule`.
        case ring
    }

    /// The default length of a segment, in elements: 128 KiB, eight full TLS records.
    ///
    /// Shorter ones cost more messages, longer ones let less of the adding and forwarding overlap with the transfer.
    package static let defaultSegmentElementCount = 16384

    package let algorithm: Algorithm
    package let partition: Partition

    /// The plan with the least expected time.
    /// - Precondition: At least one worker, no negative length.
    package init(
        worldSize: Int, elementCount: Int, costs: ExchangeCosts = ExchangeCosts(),
        segmentElementCount: Int = AllReducePlan.defaultSegmentElementCount
    ) {
        let choices: [Algorithm] = worldSize == 1 || elementCount == 0 ? [.none] : [.broadcast, .direct, .ring]
        let times = choices.map { costs.seconds($0, worldSize: worldSize, elementCount: elementCount) }
        let best = times.indices.min { times[$0] < times[$1] } ?? 0
        self.init(
            algorithm: choices[best], worldSize: worldSize, elementCount: elementCount,
            segmentElementCount: segmentElementCount)
    }

    /// A plan with a given algorithm.
    /// - Precondition: At least one worker, no negative length; `none` only where there is nothing to exchange.
    package init(
        algorithm: Algorithm, worldSize: Int, elementCount: Int,
        segmentElementCount: Int = AllReducePlan.defaultSegmentElementCount
    ) {
        precondition(
            algorithm != .none || worldSize == 1 || elementCount == 0,
            "no exchange between \(worldSize) workers of \(elementCount) elements")
        self.algorithm = algorithm
        partition = Partition(
            elementCount: elementCount, chunkCount: worldSize, segmentElementCount: segmentElementCount)
    }

    /// What a worker sends and receives.
    /// - Precondition: `workerRank` is below the number of workers.
    package func script(workerRank: Int) -> ExchangeScript {
        switch algorithm {
        case .none: ExchangeScript()
        case .broadcast: BroadcastSchedule.script(workerRank: workerRank, partition: partition)
        case .direct: DirectSchedule.script(workerRank: workerRank, partition: partition)
        case .ring: RingSchedule.script(workerRank: workerRank, partition: partition)
        }
    }

    package var description: String {
        "\(algorithm.rawValue), \(partition.elementCount) elements over \(partition.chunkCount) workers"
    }
}
