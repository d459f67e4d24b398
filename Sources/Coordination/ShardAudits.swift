//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Which shards are computed a second time by another worker, and what is known of those who differed.
///
/// With a share r of audited shards, a worker that computes k shards a step and always errs is found after
/// 1 / (1 - (1 - r)^k) steps on average.
struct ShardAudits: Sendable {
    private let ratio: Double
    /// How often a worker took part in a mismatch.
    private var mismatches: [String: Int] = [:]
    /// Workers that took part in two, with different others: they may not join again.
    private(set) var distrusted: Set<String> = []

    init(ratio: Double) {
        precondition((0...1).contains(ratio), "an audit of \(ratio) of the shards")
        self.ratio = ratio
    }

    /// Draws who recomputes what.
    ///
    /// Who computes a shard does not decide its bits, so the draw needs no seed of the run's.
    /// - Returns: Auditors by shard.
    func draw(for work: Work, dealt: [Int: String], in roster: Roster) -> [Int: String] {
        guard ratio > 0, roster.members.count > 1 else { return [:] }
        var auditors: [Int: String] = [:]
        for (shard, owner) in dealt {
            let number = Self.mix(work.id ^ UInt64(shard) << 44 ^ UInt64(roster.generation) << 20)
            guard Double(number >> 11) * 0x1p-53 < ratio else { continue }
            let others = roster.members.filter { $0.name != owner }
            auditors[shard] = others[Int(Self.mix(number) % UInt64(others.count))].name
        }
        return auditors
    }

    /// Notes that two workers differed.
    /// - Returns: Who is at fault, as far as that is known: one worker that differed from others before, or both if the
    ///   same two have done so again; none the first time.
    mutating func mismatch(between pair: [String]) -> [String] {
        for worker in pair {
            mismatches[worker, default: 0] += 1
        }
        let known = pair.filter { mismatches[$0, default: 0] > 1 }
        if known.count == 1 {
            distrusted.formUnion(known)
        }
        return known
    }

    /// The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    private static func mix(_ number: UInt64) -> UInt64 {
        var z = number &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
