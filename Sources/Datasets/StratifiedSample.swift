//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Randomness

/// A part of a dataset in which every stratum has its share: the D_s of LoRA-drop's probe.
///
/// Strata are the classes; for scores ten quantiles; where there are no labels ten quantiles of the length in tokens.
/// Source: Zhou et al., COLING 2025, §3.1 ("stratified sampling"); shares by the largest remainder.
package enum StratifiedSample {
    /// How many equal parts scores and lengths are cut into.
    package static let quantileCount = 10

    /// The positions of the sampled examples, ascending: `round(ratio · count)` of them, at least one.
    ///
    /// No stratum goes without a member as long as there are as many places as strata.
    /// - Parameters:
    ///   - targets: of each example; all of one kind.
    ///   - lengths: of each example, in tokens; used where targets are `.none` or completions.
    ///   - ratio: in (0, 1].
    ///   - purpose: what the draws are for: another purpose, another sample.
    package static func positions(
        targets: [Target], lengths: [Int], ratio: Double, seed: UInt64, purpose: RandomPurpose = .stratifiedSample
    ) -> [Int] {
        precondition(targets.count == lengths.count, "\(targets.count) targets and \(lengths.count) lengths")
        precondition(ratio > 0 && ratio <= 1, "a sample of ratio \(ratio)")
        let count = targets.count
        guard count > 0 else {
            return []
        }
        let total = min(count, max(1, Int((ratio * Double(count)).rounded())))
        let strata = strata(targets: targets, lengths: lengths)
        let shares = shares(of: total, among: strata.map(\.count))
        var chosen: [Int] = []
        chosen.reserveCapacity(total)
        for (stratum, share) in zip(strata.indices, shares) where share > 0 {
            let stream = RandomStream(seed: seed, purpose: purpose, index: UInt32(stratum))
            let order = stream.permutation(count: strata[stratum].count)
            chosen.append(contentsOf: order.prefix(share).map { strata[stratum][$0] })
        }
        return chosen.sorted()
    }

    /// The same of tokenised examples.
    package static func positions(
        of examples: [TokenisedExample], ratio: Double, seed: UInt64, purpose: RandomPurpose = .stratifiedSample
    ) -> [Int] {
        positions(
            targets: examples.map(\.target), lengths: examples.map(\.tokenIDs.count), ratio: ratio, seed: seed,
            purpose: purpose)
    }

    /// The positions of each stratum, none of them empty.
    static func strata(targets: [Target], lengths: [Int]) -> [[Int]] {
        var classes: [Int: [Int]] = [:]
        var scores: [Float] = []
        for (position, target) in targets.enumerated() {
            switch target {
            case .classIndex(let index): classes[index, default: []].append(position)
            case .score(let score): scores.append(score)
            case .none, .completion: break
            }
        }
        if !classes.isEmpty {
            let labelled = classes.values.reduce(0) { $0 + $1.count }
            precondition(labelled == targets.count, "\(labelled) of \(targets.count) examples have a class")
            return classes.sorted { $0.key < $1.key }.map(\.value)
        }
        if !scores.isEmpty {
            precondition(scores.count == targets.count, "\(scores.count) of \(targets.count) examples have a score")
            return quantiles(of: scores)
        }
        return quantiles(of: lengths)
    }

    /// Positions sorted by value, ties by position, in equal parts.
    private static func quantiles<Value: Comparable>(of values: [Value]) -> [[Int]] {
        let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
        let parts = min(quantileCount, order.count)
        return (0..<parts).map { part in
            Array(order[(part * order.count / parts)..<((part + 1) * order.count / parts)])
        }
    }

    /// Hands `total` places to strata by size: each gets the whole part of its quota, the rest goes to the largest
    /// remainders (ties to the lower stratum), then empty strata get a place of the best served one.
    static func shares(of total: Int, among sizes: [Int]) -> [Int] {
        let count = sizes.reduce(0, +)
        precondition(total <= count, "\(total) places for \(count) examples")
        var shares = sizes.map { total * $0 / count }
        let remainders = sizes.indices.map { total * sizes[$0] - shares[$0] * count }
        let byRemainder = sizes.indices.sorted { (-remainders[$0], $0) < (-remainders[$1], $1) }
        for stratum in byRemainder.prefix(total - shares.reduce(0, +)) {
            shares[stratum] += 1
        }
        for stratum in shares.indices where shares[stratum] == 0 && sizes[stratum] > 0 {
            let donor = shares.indices.reduce(0) { shares[$1] > shares[$0] ? $1 : $0 }
            if shares[donor] > 1 {
                shares[donor] -= 1
                shares[stratum] = 1
            }
        }
        return shares
    }
}
