//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Measuring what the links cost.
extension AllReducer {
    /// How long the vector is with which the bandwidth is measured, in elements: half a megabyte, 5 ms of gigabit
    /// Ethernet.
    package static let probeElementCount = 65_536

    /// What every element of that vector is.
    ///
    /// It travels in 30 bits, as wide as most of a gradient's sums, and its sums in a few more. Zeros would travel in one,
    /// and a link that is held up by its bytes would look thirty times as fast.
    static let probeValue: Int64 = 1 << 28

    /// Measures what the links cost, and chooses algorithms from that from now on.
    ///
    /// All workers call it at the same point between their exchanges. Of the short vectors each takes its own shortest time,
    /// as who comes late makes others wait; of the long ones, where all wait for the bytes and for the processors, the
    /// median. All then use the mean, which is a sum of integers and so the same for everybody. Takes some thirty short
    /// exchanges.
    /// - Parameter elementCount: The length of the vector with which the bandwidth is measured; the same for all.
    /// - Throws: `CollectiveError`.
    package func measureCosts(
        deadline: ContinuousClock.Instant, elementCount: Int = AllReducer.probeElementCount
    ) throws {
        let worldSize = links.worldSize
        guard worldSize > 1 else { return }
        var nanoseconds = [
            try times(10, .broadcast, elementCount: 1, deadline: deadline).shortest,
            try times(10, .ring, elementCount: 1, deadline: deadline).shortest,
            try times(5, .ring, elementCount: elementCount, deadline: deadline).median,
            try times(5, .direct, elementCount: elementCount, deadline: deadline).median,
        ]
        try allReduce(
            &nanoseconds,
            plan: AllReducePlan(algorithm: .broadcast, worldSize: worldSize, elementCount: nanoseconds.count),
            deadline: deadline)
        let means = nanoseconds.map { Double($0) / Double(worldSize) * 1e-9 }
        costs = ExchangeCosts(
            worldSize: worldSize, broadcast: means[0], ring: means[1], longRing: means[2], longDirect: means[3],
            elementCount: elementCount)
    }

    /// How long `count` exchanges take, in nanoseconds.
    private func times(
        _ count: Int, _ algorithm: AllReducePlan.Algorithm, elementCount: Int, deadline: ContinuousClock.Instant
    ) throws -> (shortest: Int64, median: Int64) {
        let plan = AllReducePlan(algorithm: algorithm, worldSize: links.worldSize, elementCount: elementCount)
        let vector = [Int64](repeating: Self.probeValue, count: elementCount)
        var total = vector
        let sorted = try (0..<count).map { _ in
            let start = ContinuousClock.now
            try sum(vector, into: &total, plan: plan, deadline: deadline)
            let (seconds, attoseconds) = start.duration(to: .now).components
            return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        }.sorted()
        return (sorted[0], sorted[count / 2])
    }
}
