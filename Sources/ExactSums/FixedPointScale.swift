//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How values of one step are written in 64-bit fixed point, so that their sum has the same bits in any order.
///
/// A value v counts as the integer round(v · 2^-⌊log2 N⌋ · 2^40), N being the step's known count of examples (or of
/// tokens). Integer addition is associative and commutative, so it does not matter who adds, when, or in which tree.
/// docs/numerics.md derives range and error.
package struct FixedPointScale: Hashable, Sendable {
    /// Bits behind the binary point: values are multiples of 2^-40 of a scaled unit.
    package static let fractionBits = 40

    /// N: what the sum is divided by in the end.
    package let count: Int
    /// How many addends (shards) there are at most; the room that each may take follows from it.
    package let addends: Int

    /// - Precondition: both are positive.
    package init(count: Int, addends: Int) {
        precondition(count > 0 && addends > 0, "a sum of \(addends) addends over \(count)")
        self.count = count
        self.addends = addends
    }

    /// ⌊log2 N⌋.
    package var exponent: Int { Int.bitWidth - 1 - count.leadingZeroBitCount }

    /// The exact power of two that a value is multiplied by.
    package var multiplier: Double { Double(sign: .plus, exponent: Self.fractionBits - exponent, significand: 1) }

    /// An addend's magnitude stays below this, so that the sum of all addends stays below 2^62.
    package var limit: Double {
        let bits = addends <= 1 ? 0 : Int.bitWidth - (addends - 1).leadingZeroBitCount
        return Double(sign: .plus, exponent: 62 - bits, significand: 1)
    }

    /// The sum's value.
    package func sum(_ fixed: Int64) -> Double { Double(fixed) / multiplier }

    /// The sum divided by N.
    package func mean(_ fixed: Int64) -> Double { Double(fixed) / multiplier / Double(count) }
}

/// A value that fixed point cannot hold: not finite, or too large.
package struct FixedPointRefusal: Error, Hashable, CustomStringConvertible {
    /// Where in the vector that was to be added.
    package let index: Int
    package let value: Double
    /// The magnitude that a value must stay below.
    package let limit: Double

    package var description: String {
        value.isFinite
            ? "value \(value) at element \(index) is not below \(limit), the largest that the exact sum can hold"
            : "value \(value) at element \(index) is not finite"
    }
}
