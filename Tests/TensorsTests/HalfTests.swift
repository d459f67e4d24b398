//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels
import Tensors
import Testing

/// Every 16-bit pattern through the kernels, against the language's own conversion.
struct HalfTests {
    static let patterns = Array(UInt16.min...UInt16.max)

    @Test("every binary16 pattern is widened exactly, at any length and address")
    func binary16() {
        for skip in [0, 1, 3, 65_535] {
            let source = Array(Self.patterns[skip...])
            var values = [Float](repeating: 0, count: source.count)
            ck_widen_f16(source, source.count, &values)
            for (pattern, value) in zip(source, values) {
                let expected = Self.float(binary16: pattern)
                #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN), "\(pattern)")
            }
        }
    }

    @Test("every bfloat16 pattern is widened exactly")
    func brain16() {
        var values = [Float](repeating: 0, count: Self.patterns.count)
        ck_widen_bf16(Self.patterns, Self.patterns.count, &values)
        for (pattern, value) in zip(Self.patterns, values) {
            #expect(value.bitPattern == UInt32(pattern) << 16)
        }
    }

    @Test("the first element that is not finite is found wherever it is")
    func firstNonFinite() {
        for count in [1, 7, 64, 4095, 4096, 4097, 9000] {
            var floats = [Float](repeating: -Float.greatestFiniteMagnitude, count: count)
            var halves = [UInt16](repeating: 0x7BFF, count: count)
            #expect(ck_first_non_finite_f32(floats, count) == count)
            #expect(ck_first_non_finite_16(halves, count, 0x7C00) == count)
            for place in Set([0, count / 2, count - 1]) {
                for bad in [Float.nan, .infinity, -.infinity, .signalingNaN] {
                    floats[place] = bad
                    #expect(ck_first_non_finite_f32(floats, count) == place)
                }
                floats[place] = 0
                for bad: UInt16 in [0x7C00, 0xFC00, 0x7C01, 0xFFFF] {
                    halves[place] = bad
                    #expect(ck_first_non_finite_16(halves, count, 0x7C00) == place)
                }
                halves[place] = 0
            }
        }
    }

    /// The naive twin: value = sign · mantissa · 2^exponent by the standard's table.
    static func float(binary16 pattern: UInt16) -> Float {
        let sign: Float = pattern & 0x8000 == 0 ? 1 : -1
        let exponent = Int(pattern >> 10 & 0x1F)
        let fraction = Float(pattern & 0x3FF) / 1024
        switch exponent {
        case 0: return sign * fraction * 0x1p-14
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * (1 + fraction) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    }
}
