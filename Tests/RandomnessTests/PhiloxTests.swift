//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness
import Testing

@Suite("Counter-based draws")
struct PhiloxTests {
    @Test("Philox-4x32-10 gives the known answers of Random123 (kat_vectors)")
    func knownAnswers() {
        let ones: UInt32 = 0xFFFF_FFFF
        #expect(
            Philox.block(key: SIMD2(0, 0), counter: SIMD4(0, 0, 0, 0))
                == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        #expect(
            Philox.block(key: SIMD2(ones, ones), counter: SIMD4(ones, ones, ones, ones))
                == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
        #expect(
            Philox.block(
                key: SIMD2(0xA409_3822, 0x299F_31D0),
                counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344))
                == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
    }

    @Test("Streams that differ in one coordinate have nothing in common")
    func streamsDiffer() {
        let base = RandomStream(seed: 1, purpose: .shuffle, phase: 1, index: 1)
        let others = [
            RandomStream(seed: 2, purpose: .shuffle, phase: 1, index: 1),
            RandomStream(seed: 1 << 32 | 1, purpose: .shuffle, phase: 1, index: 1),
            RandomStream(seed: 1, purpose: .inputDropout, phase: 1, index: 1),
            RandomStream(seed: 1, purpose: .shuffle, phase: 2, index: 1),
            RandomStream(seed: 1, purpose: .shuffle, phase: 1, index: 2),
        ]
        #expect(Set(others + [base]).count == 6)
        let draws = base.uniform(count: 64, low: 0, high: 1)
        for other in others {
            #expect(other.uniform(count: 64, low: 0, high: 1) != draws)
        }
    }

    @Test("A permutation holds every number once, and every first place is equally likely")
    func permutations() {
        for count in [0, 1, 2, 3, 10, 1001] {
            let order = RandomStream(seed: 5, purpose: .shuffle, index: UInt32(count)).permutation(count: count)
            #expect(order.sorted() == Array(0..<count))
        }
        var first = [Int](repeating: 0, count: 5)
        for seed in 0..<5000 {
            first[RandomStream(seed: UInt64(seed), purpose: .shuffle).permutation(count: 5)[0]] += 1
        }
        // 1000 expected each, standard deviation 28: seven of them is no accident.
        #expect(first.allSatisfy { (800...1200).contains($0) })
    }

    @Test("Uniform and normal numbers have their mean and spread")
    func distributions() {
        let uniform = RandomStream(seed: 3, purpose: .adapterInitialisation).uniform(count: 40_000, low: -2, high: 2)
        #expect(uniform.allSatisfy { $0 >= -2 && $0 < 2 })
        #expect(abs(uniform.reduce(0, +) / 40_000) < 0.03)
        let normal = RandomStream(seed: 3, purpose: .headInitialisation).normal(count: 40_001, standardDeviation: 0.5)
        #expect(normal.count == 40_001)
        #expect(abs(normal.reduce(0, +) / 40_001) < 0.02)
        let variance = normal.reduce(0) { $0 + Double($1) * Double($1) } / 40_001
        #expect(abs(variance - 0.25) < 0.01)
    }
}
