//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import LoRA
import Testing
import Transformer

/// A small generator for the tests' own randomness.
struct TestDraws: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ state >> 29) &* 0x9E37_79B9_7F4A_7C15
    }
}

/// Natural numbers of any length as decimal digits, least first: the naive twin of the decision's arithmetic.
private struct Digits: Equatable {
    var digits: [Int]

    init(_ text: String) {
        digits = text.reversed().map { $0.wholeNumberValue ?? 0 }
    }

    init(digits: [Int]) {
        self.digits = digits
    }

    static func + (left: Digits, right: Digits) -> Digits {
        var (result, carry) = ([Int](), 0)
        for place in 0..<max(left.digits.count, right.digits.count) + 1 {
            let sum = left.digit(place) + right.digit(place) + carry
            result.append(sum % 10)
            carry = sum / 10
        }
        return Digits(digits: result)
    }

    static func * (left: Digits, right: Digits) -> Digits {
        var result = Digits("0")
        for (place, digit) in right.digits.enumerated() {
            let shifted = Digits(digits: Array(repeating: 0, count: place) + left.digits)
            for _ in 0..<digit {
                result = result + shifted
            }
        }
        return result
    }

    static func >= (left: Digits, right: Digits) -> Bool {
        for place in stride(from: max(left.digits.count, right.digits.count) - 1, through: 0, by: -1)
        where left.digit(place) != right.digit(place) {
            return left.digit(place) > right.digit(place)
        }
        return true
    }

    func digit(_ place: Int) -> Int { place < digits.count ? digits[place] : 0 }
}

struct LayerDecisionTests {
    static func model(layers: Int, targets: [String]) throws -> ([ProjectionDescription], count: Int) {
        let configuration = try bertConfiguration(layers: layers)
        return (
            try TargetModules.resolve(targets, in: configuration, trainsPooler: false), configuration.projections.count
        )
    }

    /// Sums with one number a layer, on its query; the value has 0.
    static func decide(
        _ perLayer: [Int64], _ change: (inout LoRADropSettings) -> Void = { _ in }, seed: UInt64 = 1
    ) throws -> LayerDecision {
        let (targets, count) = try model(layers: perLayer.count, targets: ["query", "value"])
        var sums = [Int64](repeating: 0, count: count)
        for target in targets where target.name.hasSuffix("query") {
            sums[target.index] = perLayer[target.layer]
        }
        var settings = LoRADropSettings()
        change(&settings)
        return try LayerDecision(sums: sums, targets: targets, settings: settings, seed: seed)
    }

    @Test("the crossing layer is kept, and reaching the threshold exactly is reaching it")
    func crossing() throws {
        #expect(try Self.decide([1, 5, 4]).keptLayers == [1, 2])
        #expect(try Self.decide([1, 5, 4]) { $0.threshold = 0.5 }.keptLayers == [1])
        #expect(try Self.decide([1, 5, 4]) { $0.threshold = 0.51 }.keptLayers == [1, 2])
        #expect(try Self.decide([1, 5, 4]) { $0.threshold = 0.9000000001 }.keptLayers == [0, 1, 2])
        // 9 of 10 is 0.9, although the nearest binary fraction to 0.9 is larger.
        #expect(try Self.decide([9, 1]).keptLayers == [0])
        #expect(try Self.decide([3, 1]) { $0.threshold = 0.75 }.keptLayers == [0])
        #expect(try Self.decide([1, 1]) { $0.threshold = 1e-300 }.keptLayers == [0])
    }

    @Test("ties go to the lower layer")
    func ties() throws {
        let decision = try Self.decide([2, 2, 2, 2]) { $0.threshold = 0.5 }
        #expect(decision.candidates.map(\.layer) == [0, 1, 2, 3])
        #expect(decision.keptLayers == [0, 1])
        #expect(decision.otherLayers == [2, 3])
        #expect(decision.candidates.map(\.share) == [0.25, 0.25, 0.25, 0.25])
        #expect(decision.candidates.map(\.cumulative) == [0.25, 0.5, 0.75, 1])
    }

    @Test("a threshold of 1 or more keeps every layer by rule, of 0 none, whatever the importance")
    func extremes() throws {
        for sums: [Int64] in [[0, 0], [5, 0], [0, 7]] {
            #expect(try Self.decide(sums) { $0.threshold = 1 }.keptLayers == [0, 1])
            #expect(try Self.decide(sums) { $0.threshold = 2 }.keptLayers == [0, 1])
            #expect(try Self.decide(sums) { $0.threshold = 0 }.keptLayers == [])
        }
        // Without the rule the first layer alone would reach the whole.
        #expect(try Self.decide([5, 0]) { $0.threshold = 0.999999 }.keptLayers == [0])
    }

    @Test("the largest sums do not overflow")
    func large() throws {
        let decision = try Self.decide([.max, .max, .max, .max])
        #expect(decision.keptLayers == [0, 1, 2, 3])
        #expect(decision.candidates[0].share == 0.25)
    }

    @Test("layers that are named are kept, and no others")
    func named() throws {
        #expect(try Self.decide([1, 2, 3]) { $0.keepLayers = [2, 0] }.keptLayers == [0, 2])
        #expect(try Self.decide([0, 0, 0]) { $0.keepLayers = [1] }.keptLayers == [1])
        #expect(try Self.decide([1, 2, 3]) { $0.keepLayers = [] }.keptLayers == [])
        #expect(refusal { _ = try Self.decide([1, 2, 3]) { $0.keepLayers = [3] } }?.code == .badLayer)
        #expect(refusal { _ = try Self.decide([1, 2, 3]) { $0.keepLayers = [-1] } }?.code == .badLayer)
        #expect(refusal { _ = try Self.decide([1, 2, 3]) { $0.keepLayers = [1, 1] } }?.code == .badLayer)
    }

    @Test("a count keeps so many, and is refused where there are not so many")
    func counted() throws {
        #expect(try Self.decide([1, 5, 4]) { $0.keepCount = 1 }.keptLayers == [1])
        #expect(try Self.decide([1, 5, 4]) { ($0.keepCount, $0.threshold) = (3, 0) }.keptLayers == [0, 1, 2])
        #expect(try Self.decide([1, 5, 4]) { ($0.keepCount, $0.score) = (2, .reverse) }.keptLayers == [0, 2])
        #expect(refusal { _ = try Self.decide([1, 5, 4]) { $0.keepCount = 4 } }?.code == .badSetting)
        #expect(refusal { _ = try Self.decide([1, 5, 4]) { $0.keepCount = 0 } }?.code == .badSetting)
    }

    @Test("importance that is zero everywhere, or negative, decides nothing")
    func unusable() throws {
        #expect(refusal { _ = try Self.decide([0, 0, 0]) }?.code == .badImportance)
        #expect(refusal { _ = try Self.decide([3, -1, 0]) }?.code == .badImportance)
    }

    @Test("the controls keep as many layers as importance does")
    func controls() throws {
        let sums: [Int64] = [50, 1, 30, 2, 15, 2]
        let output = try Self.decide(sums)
        #expect(output.keptLayers == [0, 2, 4])
        #expect(try Self.decide(sums) { $0.score = .reverse }.keptLayers == [1, 3, 5])
        var seen: Set<[Int]> = []
        for seed: UInt64 in 0..<40 {
            let random = try Self.decide(sums, { $0.score = .random }, seed: seed)
            #expect(random.keptLayers.count == 3)
            #expect(random == (try Self.decide(sums, { $0.score = .random }, seed: seed)))
            seen.insert(random.keptLayers)
        }
        #expect(seen.count > 10)
    }

    @Test("with module granularity every projection stands for itself")
    func modules() throws {
        let (targets, count) = try Self.model(layers: 3, targets: ["query", "value"])
        var sums = [Int64](repeating: 99, count: count)
        for (target, sum) in zip(targets, [1, 40, 30, 2, 3, 24] as [Int64]) {
            sums[target.index] = sum
        }
        let settings = LoRADropSettings(granularity: .module)
        let decision = try LayerDecision(sums: sums, targets: targets, settings: settings, seed: 0)
        #expect(decision.keptProjections == Set([targets[1], targets[2], targets[5]].map(\.index)))
        #expect(decision.keptLayers == [])
        #expect(decision.otherLayers == [0, 1, 2])
        #expect(decision.projectionShares[targets[1].index] == 0.4)
        // What is no target is not read and not reported.
        #expect(decision.projectionShares.reduce(0, +) > 0.999 && decision.projectionShares.reduce(0, +) < 1.001)
        let assignment = decision.assignment(targets: targets, settings: settings, projectionCount: count)
        #expect(assignment.count(of: .own) == 3)
        #expect(assignment.count(of: .shared) == 3)
        #expect(assignment.roles[targets[0].index] == .shared)
        var dropping = settings
        dropping.share = false
        let dropped = decision.assignment(targets: targets, settings: dropping, projectionCount: count)
        #expect(dropped.count(of: .shared) == 0 && dropped.count(of: .own) == 3)
        let everything = LoRADropSettings(granularity: .module, keepLayers: [1])
        let named = try LayerDecision(sums: sums, targets: targets, settings: everything, seed: 0)
        #expect(named.keptLayers == [1])
    }

    @Test("the kept layers are those of the definition in numbers of any length")
    func naiveTwin() throws {
        var draws = TestDraws(state: 7)
        for _ in 0..<400 {
            let layers = Int.random(in: 1...14, using: &draws)
            let limit = Int64(1) << Int.random(in: 1...62, using: &draws)
            let sums = (0..<layers).map { _ in Int64.random(in: 0...limit, using: &draws) }
            guard sums.contains(where: { $0 > 0 }) else { continue }
            let decimals = Int.random(in: 1...17, using: &draws)
            let digits = (0..<decimals).map { _ in String(Int.random(in: 0...9, using: &draws)) }.joined()
            let text = "0." + digits
            guard let threshold = Double(text), threshold > 0, threshold < 1 else { continue }

            // The shortest text of the number may differ from `text` in the 17th digit.
            let shortest = try #require(Self.decimals(of: threshold))
            let order = (0..<layers).sorted { (sums[$0], $1) > (sums[$1], $0) }
            let total = sums.reduce(Digits("0")) { $0 + Digits(String($1)) }
            let unit = Digits("1" + String(repeating: "0", count: shortest.count))
            var cumulative = Digits("0")
            var kept: [Int] = []
            for layer in order {
                kept.append(layer)
                cumulative = cumulative + Digits(String(sums[layer]))
                if cumulative * unit >= total * Digits(shortest) { break }
            }
            let decision = try Self.decide(sums) { $0.threshold = threshold }
            #expect(decision.keptLayers == kept.sorted(), "\(sums) at \(threshold)")
        }
    }

    /// The digits behind the point of a number below 1.
    static func decimals(of number: Double) -> String? {
        let text = number.description
        guard let e = text.firstIndex(of: "e") else { return String(text.dropFirst(2)) }
        guard let exponent = Int(text[text.index(after: e)...]) else { return nil }
        return String(repeating: "0", count: -exponent - 1) + text[..<e].filter { $0 != "." && $0 != "e" }
    }

    @Test("scores become integers with the same order, and unusable ones are refused")
    func integers() throws {
        #expect(try ParameterScores.integers(of: [0, 0]) == [0, 0])
        #expect(try ParameterScores.integers(of: [1, 0.5, 0]) == [1 << 52, 1 << 51, 0])
        #expect(try ParameterScores.integers(of: [1e300, 5e299]).map { $0 > 1 << 50 } == [true, true])
        #expect(try ParameterScores.integers(of: [.leastNonzeroMagnitude, 0]) == [1 << 52, 0])
        for bad: Double in [-1, .nan, .infinity] {
            #expect(refusal { _ = try ParameterScores.integers(of: [1, bad]) }?.code == .badImportance)
        }
    }

    @Test("settings outside their range are refused")
    func settings() throws {
        func code(_ change: (inout LoRADropSettings) -> Void) -> LoRAError.Code? {
            var settings = LoRADropSettings()
            change(&settings)
            return refusal { try settings.validate() }?.code
        }
        #expect(code { _ in } == nil)
        #expect(code { $0.sampleRatio = 0 } == .badSetting)
        #expect(code { $0.sampleRatio = 1.1 } == .badSetting)
        #expect(code { $0.sampleRatio = .nan } == .badSetting)
        #expect(code { $0.threshold = -0.1 } == .badSetting)
        #expect(code { $0.threshold = .nan } == .badSetting)
        #expect(code { $0.probeEpochs = 0 } == .badSetting)
        #expect(code { ($0.threshold, $0.share) = (0, false) } == .nothingToTrain)
        #expect(code { ($0.keepLayers, $0.share) = ([], false) } == .nothingToTrain)
        #expect(code { ($0.keepLayers, $0.share, $0.threshold) = ([1], false, 0) } == nil)
    }
}
