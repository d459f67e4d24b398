//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How predicted and right scores agree.
///
/// All scores are finite.
enum ScoreAgreement {
    /// `sklearn.metrics.mean_squared_error`.
    static func meanSquaredError(_ first: [Double], _ second: [Double]) -> Double {
        zip(first, second).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(first.count)
    }

    /// `scipy.stats.pearsonr`; 0 where either side is constant.
    static func pearson(_ first: [Double], _ second: [Double]) -> Double {
        guard let first = direction(first), let second = direction(second) else { return 0 }
        let cosine = zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
        return min(max(cosine, -1), 1)
    }

    /// `scipy.stats.spearmanr`; 0 where either side is constant.
    static func spearman(_ first: [Double], _ second: [Double]) -> Double {
        pearson(averageRanks(first), averageRanks(second))
    }

    /// The deviations from the mean, scaled to length 1; nil where all scores are the same.
    ///
    /// Scaling keeps sums and squares from overflowing; the first one, by a power of two, rounds nothing. Equality is asked of the scores themselves:
    /// the rounded mean of equal scores need not be equal to them.
    private static func direction(_ scores: [Double]) -> [Double]? {
        guard scores.contains(where: { $0 != scores[0] }) else { return nil }
        let largest = scores.reduce(0) { max($0, $1.magnitude) }
        let scale = Double(sign: .plus, exponent: -largest.exponent / 2, significand: 1)
        let scaled = scores.map { $0 * scale * scale }
        let mean = scaled.reduce(0, +) / Double(scores.count)
        let deviations = scaled.map { $0 - mean }
        let widest = deviations.reduce(0) { max($0, $1.magnitude) }
        let units = deviations.map { $0 / widest }
        let length = units.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return units.map { $0 / length }
    }

    /// Each score's place in ascending order from 1; equal scores share the mean of their places.
    static func averageRanks(_ scores: [Double]) -> [Double] {
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        var ranks = [Double](repeating: 0, count: scores.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + 1 + end) / 2 }
            start = end
        }
        return ranks
    }
}
