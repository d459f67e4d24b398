//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness
package import Transformer

/// Which layers (or modules) keep a LoRA of their own, and why: a pure function of integers.
///
/// Candidates are sorted by score, the largest first and ties by layer, then by projection; the shortest prefix whose
/// cumulative importance reaches the threshold is kept, the candidate that crosses it included. Sums are compared as
/// integers and the threshold as an exact decimal fraction, so that every machine decides alike.
///
/// Source: Zhou et al., arXiv:2402.07721, with the choices that the paper leaves open made as `LoRADropSettings` says.
package struct LayerDecision: Hashable, Sendable {
    /// A layer, or a module of one.
    package struct Candidate: Hashable, Sendable {
        package let layer: Int
        /// The target projections, by index.
        package let projections: [Int]
        /// Its part of the importance of all, in [0, 1].
        package let share: Double
        /// The shares up to this one, in this order.
        package let cumulative: Double
        package let isKept: Bool
    }

    /// In the order in which they were considered.
    package let candidates: [Candidate]
    /// Each target projection's part of the importance of all, by index; 0 for those that are no target.
    package let projectionShares: [Double]

    /// Decides.
    /// - Parameters:
    ///   - sums: A score for each projection of the model, by index; those that are no target are not read.
    ///   - targets: The projections that have a LoRA in the probe.
    ///   - seed: For the score `random`.
    /// - Throws: `LoRAError`: a negative score, all scores zero where they are to decide, a layer to keep that is none.
    package init(
        sums: [Int64], targets: [ProjectionDescription], settings: LoRADropSettings, seed: UInt64
    ) throws(LoRAError) {
        let groups = try Self.groups(of: targets, sums: sums, granularity: settings.granularity)
        let total = groups.reduce(UInt128(0)) { $0 + $1.sum }
        let byScore = groups.sorted { ($0.sum, $1.layer, $1.projections[0]) > ($1.sum, $0.layer, $0.projections[0]) }
        let keptCount = try Self.keptCount(of: byScore, total: total, settings: settings)

        var order: [Group]
        switch settings.score {
        case .output, .weightNorm, .gradient:
            order = byScore
        case .reverse:
            order = byScore.reversed()
        case .random:
            let stream = RandomStream(seed: seed, purpose: .randomScore)
            order = stream.permutation(count: groups.count).map { groups[$0] }
        }
        var kept = Array(repeating: true, count: keptCount) + Array(repeating: false, count: groups.count - keptCount)
        if let layers = settings.keepLayers {
            try Self.check(layers, against: groups)
            order = byScore
            kept = order.map { layers.contains($0.layer) }
        }
        var cumulative: UInt128 = 0
        candidates = zip(order, kept).map { group, isKept in
            cumulative += group.sum
            return Candidate(
                layer: group.layer, projections: group.projections, share: Self.ratio(group.sum, total),
                cumulative: Self.ratio(cumulative, total), isKept: isKept)
        }
        let targeted = Set(targets.map(\.index))
        projectionShares = sums.enumerated().map { index, sum in
            targeted.contains(index) ? Self.ratio(UInt128(sum), total) : 0
        }
    }

    /// The projections that keep a LoRA of their own.
    package var keptProjections: Set<Int> {
        Set(candidates.filter(\.isKept).flatMap(\.projections))
    }

    /// Layers of which every target is kept, ascending.
    package var keptLayers: [Int] { layers { $0.allSatisfy(\.isKept) } }

    /// Layers of which some target is not kept, ascending.
    package var otherLayers: [Int] { layers { !$0.allSatisfy(\.isKept) } }

    /// What each projection has in the fine-tuning.
    package func assignment(
        targets: [ProjectionDescription], settings: LoRADropSettings, projectionCount: Int
    ) -> AdapterAssignment {
        AdapterAssignment(
            targets: targets, kept: keptProjections, sharesRest: settings.share, projectionCount: projectionCount)
    }

    private func layers(where holds: ([Candidate]) -> Bool) -> [Int] {
        Dictionary(grouping: candidates, by: \.layer).filter { holds($0.value) }.keys.sorted()
    }

    // MARK: How it is decided

    private struct Group {
        let layer: Int
        let projections: [Int]
        let sum: UInt128
    }

    private static func groups(
        of targets: [ProjectionDescription], sums: [Int64], granularity: DecisionGranularity
    ) throws(LoRAError) -> [Group] {
        for target in targets {
            precondition(target.index < sums.count, "\(sums.count) sums have none for projection \(target.index)")
            guard sums[target.index] >= 0 else {
                throw LoRAError(
                    .badImportance, "the importance of \(target.path) is \(sums[target.index]), expected 0 or more")
            }
        }
        func sum(_ projections: [ProjectionDescription]) -> UInt128 {
            projections.reduce(0) { $0 + UInt128(sums[$1.index]) }
        }
        switch granularity {
        case .layer:
            return Dictionary(grouping: targets, by: \.layer).sorted { $0.key < $1.key }.map { layer, members in
                Group(layer: layer, projections: members.map(\.index).sorted(), sum: sum(members))
            }
        case .module:
            return targets.sorted { $0.index < $1.index }.map {
                Group(layer: $0.layer, projections: [$0.index], sum: sum([$0]))
            }
        }
    }

    private static func keptCount(
        of order: [Group], total: UInt128, settings: LoRADropSettings
    ) throws(LoRAError) -> Int {
        if settings.keepLayers != nil { return 0 }
        if let count = settings.keepCount {
            guard (1...order.count).contains(count) else {
                throw LoRAError(.badSetting, "\(count) are to be kept, there are \(order.count) to choose from")
            }
            return count
        }
        if settings.threshold == 0 { return 0 }
        if settings.threshold >= 1 { return order.count }
        guard total > 0 else {
            throw LoRAError(
                .badImportance,
                "every LoRA's importance is zero, which ranks nothing: did the probe train at all? "
                    + "Try a higher learning rate or more probe epochs")
        }
        let threshold = DecisionThreshold(settings.threshold)
        var cumulative: UInt128 = 0
        for (place, group) in order.enumerated() {
            cumulative += group.sum
            if threshold.isReached(by: cumulative, of: total) { return place + 1 }
        }
        return order.count
    }

    private static func check(_ layers: [Int], against groups: [Group]) throws(LoRAError) {
        let known = Set(groups.map(\.layer))
        for (place, layer) in layers.enumerated() {
            guard known.contains(layer) else {
                throw LoRAError(
                    .badLayer,
                    "layer \(layer) is to be kept, but the layers with target modules are "
                        + known.sorted().map(String.init).joined(separator: ", "))
            }
            guard !layers[..<place].contains(layer) else {
                throw LoRAError(.badLayer, "layer \(layer) is to be kept twice")
            }
        }
    }

    private static func ratio(_ part: UInt128, _ total: UInt128) -> Double {
        total == 0 ? 0 : Double(part) / Double(total)
    }
}
