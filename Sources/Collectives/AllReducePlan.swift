//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

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

    /// The default length of a segment, in elements: 64 of the blocks in which they travel, which mostly
    /// just fit into four TLS records.
    ///
    /// Shorter ones cost more messages, longer ones let less of the adding and forwarding overlap with the transfer.
    package static let defaultSegmentElementCount = 16_384

    package let algorithm: Algorithm
    package let partition: Partition

    /// The plan with the least expected time.
    /// - Precondition: At least one worker, no negative length.
    package init(
        worldSize: Int, elementCount: Int, costs: ExchangeCosts = ExchangeCosts(),
        segmentElementCount: Int = AllReducePlan.defaultSegmentElementCount
    ) {
        // Between two workers a ring is a direct exchange.
        let choices: [Algorithm] =
            worldSize == 1 || elementCount == 0
            ? [.none] : worldSize == 2 ? [.broadcast, .direct] : [.broadcast, .direct, .ring]
        let plans = choices.map {
            AllReducePlan(
                algorithm: $0, worldSize: worldSize, elementCount: elementCount,
                segmentElementCount: segmentElementCount)
        }
        let times = plans.map(costs.seconds)
        self = plans[times.indices.min { times[$0] < times[$1] } ?? 0]
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
