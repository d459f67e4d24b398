//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels
package import Tensors

/// A vector of 64-bit fixed-point sums.
///
/// Adding in any order, in any grouping, gives the same bits.
package struct ExactAccumulator: Sendable {
    /// The sums; what workers exchange.
    package var sums: [Int64]

    /// `count` zeros.
    package init(count: Int) {
        sums = [Int64](repeating: 0, count: count)
    }

    /// Adds one addend's values from `offset` on, row by row.
    /// - Throws: `FixedPointRefusal` with an index counted from the addend's start; the accumulator is then useless.
    package mutating func add(_ values: Matrix, at offset: Int, scale: FixedPointScale) throws(FixedPointRefusal) {
        precondition(
            offset >= 0 && offset + values.count <= sums.count,
            "\(values.count) values at \(offset) of \(sums.count) sums")
        for row in 0..<values.rowCount {
            let start = offset + row * values.columnCount
            let count = values.columnCount
            let refused = values.withRow(row) { floats in
                sums.withUnsafeMutableBufferPointer { sums in
                    ck_accumulate_fixed_point(
                        floats.baseAddress, count, scale.multiplier, scale.limit,
                        sums.baseAddress.map { $0 + start })
                }
            }
            guard refused == count else {
                throw FixedPointRefusal(
                    index: row * count + refused, value: Double(values[row, refused]),
                    limit: scale.limit / scale.multiplier)
            }
        }
    }

    /// Adds one value.
    /// - Throws: `FixedPointRefusal`.
    package mutating func add(_ value: Double, at index: Int, scale: FixedPointScale) throws(FixedPointRefusal) {
        let scaled = value * scale.multiplier
        guard scaled.magnitude < scale.limit else {
            throw FixedPointRefusal(index: index, value: value, limit: scale.limit / scale.multiplier)
        }
        sums[index] += Int64(scaled.rounded(.toNearestOrEven))
    }

    /// Adds another accumulator's sums.
    /// - Precondition: The counts agree.
    package mutating func add(_ other: ExactAccumulator) {
        precondition(other.sums.count == sums.count, "\(other.sums.count) sums into \(sums.count)")
        for index in sums.indices {
            sums[index] += other.sums[index]
        }
    }

    /// Writes the means of `range` (sum / N, rounded once to a float) into `destination`, a matrix of one row.
    package func means(of range: Range<Int>, scale: FixedPointScale, into destination: Matrix) {
        precondition(
            destination.rowCount == 1 && destination.columnCount == range.count
                && range.lowerBound >= 0 && range.upperBound <= sums.count,
            "sums \(range) of \(sums.count) into [\(destination.rowCount), \(destination.columnCount)]")
        let factor = 1 / (scale.multiplier * Double(scale.count))
        destination.withMutableRow(0) { floats in
            sums.withUnsafeBufferPointer { sums in
                ck_fixed_point_to_float(
                    sums.baseAddress.map { $0 + range.lowerBound }, range.count, factor, floats.baseAddress)
            }
        }
    }
}
