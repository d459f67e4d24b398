//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Hands the shards of a step to workers by their measured speed.
///
/// The result of the step does not depend on it.
package struct ShardDealer: Hashable, Sendable {
    /// Tokens a second, by worker; a worker that was not measured yet counts by its slots.
    private var speeds: [String: Double] = [:]

    /// How much of a new measurement enters the running mean.
    private static let smoothing = 0.2

    package init() {}

    /// Takes a measurement: so many tokens in so many nanoseconds.
    package mutating func observe(_ worker: String, tokens: Int, nanoseconds: UInt64) {
        guard tokens > 0, nanoseconds > 0 else { return }
        let speed = Double(tokens) / Double(nanoseconds) * 1e9
        speeds[worker] = speeds[worker].map { $0 + Self.smoothing * (speed - $0) } ?? speed
    }

    /// Which shards each member computes: the longest first, each to whoever would be done with it earliest.
    /// - Parameter shardTokens: Tokens of every shard, by shard index.
    /// - Returns: Shard indexes by member, ascending; an empty list is an idle worker.
    package func deal(shardTokens: [Int], to members: [Roster.Member]) -> [[Int]] {
        precondition(!members.isEmpty, "shards for nobody")
        let measured = members.compactMap { member in speeds[member.name].map { $0 / Double(member.slots) } }
        let typical = measured.isEmpty ? 1 : measured.reduce(0, +) / Double(measured.count)
        let speed = members.map { speeds[$0.name] ?? typical * Double($0.slots) }
        var load = [Double](repeating: 0, count: members.count)
        var dealt = [[Int]](repeating: [], count: members.count)
        let longestFirst = shardTokens.indices.sorted { (shardTokens[$1], $0) < (shardTokens[$0], $1) }
        for shard in longestFirst {
            let cost = Double(shardTokens[shard])
            var earliest = 0
            for member in members.indices
            where (load[member] + cost) / speed[member] < (load[earliest] + cost) / speed[earliest] {
                earliest = member
            }
            load[earliest] += cost
            dealt[earliest].append(shard)
        }
        return dealt.map { $0.sorted() }
    }
}
