//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// T as an exact fraction of 10^18, so that a cumulative importance is compared with it in integers.
///
/// The fraction is the one that the number's shortest decimal text says: 0.9 is 9/10, not the nearest binary fraction,
/// which lies above. Digits behind the 18th are cut off.
struct DecisionThreshold {
    private static let denominator: UInt128 = 1_000_000_000_000_000_000
    private let numerator: UInt128

    /// - Precondition: 0 < `threshold` < 1.
    init(_ threshold: Double) {
        precondition(threshold > 0 && threshold < 1, "a threshold of \(threshold)")
        // "0.9", "0.0625" or "1.25e-07".
        let parts = threshold.description.split(separator: "e")
        let exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".")
        let digits = mantissa.joined()
        let decimals = (mantissa.count == 2 ? mantissa[1].count : 0) - exponent
        var value = digits.reduce(UInt128(0)) { $0 * 10 + UInt128($1.wholeNumberValue ?? 0) }
        for place in 0..<(decimals - 18).magnitude {
            if decimals > 18 {
                value /= 10
            } else {
                value *= 10
            }
            if place > 40 || value == 0 { break }
        }
        numerator = value
    }

    /// Whether sum / total ≥ T, exactly.
    func isReached(by sum: UInt128, of total: UInt128) -> Bool {
        let left = sum.multipliedFullWidth(by: Self.denominator)
        let right = total.multipliedFullWidth(by: numerator)
        return (left.high, left.low) >= (right.high, right.low)
    }
}
