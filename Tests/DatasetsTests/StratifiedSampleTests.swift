//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Randomness
import Testing

@Suite("Stratified sample")
struct StratifiedSampleTests {
    private func classes(_ sizes: [Int]) -> [Target] {
        // Interleaved, so that a sample of the first rows would show.
        var left = sizes
        var targets: [Target] = []
        while targets.count < sizes.reduce(0, +) {
            for index in left.indices where left[index] > 0 {
                left[index] -= 1
                targets.append(.classIndex(index))
            }
        }
        return targets
    }

    private func counts(_ targets: [Target], at positions: [Int], classCount: Int) -> [Int] {
        (0..<classCount).map { index in positions.count { targets[$0] == .classIndex(index) } }
    }

    @Test("each class has its share, by the largest remainder, and the whole is round(ratio · count)")
    func shares() {
        let targets = classes([705, 296])
        let sample = StratifiedSample.positions(
            targets: targets, lengths: [Int](repeating: 1, count: 1001), ratio: 0.1, seed: 42)
        #expect(sample.count == 100)
        // Quotas 70.43 and 29.57.
        #expect(counts(targets, at: sample, classCount: 2) == [70, 30])
        #expect(sample == Set(sample).sorted())
    }

    @Test("a class with few members is not lost while there are places")
    func rareClass() {
        let targets = classes([100, 2, 1])
        let lengths = [Int](repeating: 1, count: 103)
        let sample = StratifiedSample.positions(targets: targets, lengths: lengths, ratio: 0.1, seed: 1)
        #expect(counts(targets, at: sample, classCount: 3) == [8, 1, 1])
        let single = StratifiedSample.positions(targets: targets, lengths: lengths, ratio: 0.001, seed: 1)
        #expect(counts(targets, at: single, classCount: 3) == [1, 0, 0])
    }

    @Test("the sample is a function of the seed and the purpose, and ratio 1 takes all")
    func determinism() {
        let targets = classes([60, 40])
        let lengths = [Int](repeating: 1, count: 100)
        let first = StratifiedSample.positions(targets: targets, lengths: lengths, ratio: 0.2, seed: 7)
        #expect(first == StratifiedSample.positions(targets: targets, lengths: lengths, ratio: 0.2, seed: 7))
        #expect(first != StratifiedSample.positions(targets: targets, lengths: lengths, ratio: 0.2, seed: 8))
        #expect(
            first
                != StratifiedSample.positions(
                    targets: targets, lengths: lengths, ratio: 0.2, seed: 7, purpose: .dataSplit))
        #expect(StratifiedSample.positions(targets: targets, lengths: lengths, ratio: 1, seed: 7) == Array(0..<100))
        #expect(StratifiedSample.positions(targets: [], lengths: [], ratio: 1, seed: 7).isEmpty)
    }

    @Test("scores are sampled by quantile, unlabelled rows by quantile of their length")
    func quantiles() {
        // Position p has value (p · 7) mod 100: each value once, in no order.
        let values = (0..<100).map { $0 * 7 % 100 }
        let byScore = StratifiedSample.positions(
            targets: values.map { .score(Float($0)) }, lengths: [Int](repeating: 1, count: 100), ratio: 0.1, seed: 3)
        #expect(Set(byScore.map { values[$0] / 10 }) == Set(0..<10))
        let byLength = StratifiedSample.positions(
            targets: [Target](repeating: .none, count: 100), lengths: values, ratio: 0.1, seed: 3)
        #expect(Set(byLength.map { values[$0] / 10 }) == Set(0..<10))
    }

    @Test("tokenised examples are sampled by their targets")
    func tokenised() {
        let examples = (0..<20).map { index in
            TokenisedExample(
                index: UInt32(index), tokenIDs: [1, 2], tokenTypeIDs: [0, 0], target: .classIndex(index % 2))
        }
        let sample = StratifiedSample.positions(of: examples, ratio: 0.5, seed: 1)
        #expect(sample.count { $0 % 2 == 0 } == 5 && sample.count == 10)
    }
}
