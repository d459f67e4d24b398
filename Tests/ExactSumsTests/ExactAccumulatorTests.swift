//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ExactSums
import Tensors
import Testing

@Suite("Exact sums")
struct ExactAccumulatorTests {
    private func vector(_ count: Int, _ generator: inout some RandomNumberGenerator) -> [Float] {
        (0..<count).map { _ in
            Float.random(in: -1...1, using: &generator)
                * Float(sign: .plus, exponent: .random(in: -30...3, using: &generator), significand: 1)
        }
    }

    @Test("The kernel gives the twin's integers, over lengths with tails and strided rows")
    func kernelAgainstTwin() throws {
        var generator = SystemRandomNumberGenerator()
        for columns in [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100, 257] {
            for rows in [1, 3] {
                let scale = FixedPointScale(count: Int.random(in: 1...5000, using: &generator), addends: 3)
                let wide = Matrix(rows: rows, columns: columns + 5)
                let values = wide.columns(2..<columns + 2)
                values.copy(from: vector(rows * columns, &generator))
                var sums = ExactAccumulator(count: rows * columns + 4)
                try sums.add(values, at: 4, scale: scale)
                let twin = values.values.map { Int64((Double($0) * scale.multiplier).rounded(.toNearestOrEven)) }
                #expect(sums.sums == [0, 0, 0, 0] + twin)
            }
        }
    }

    @Test("Any order and any grouping of the addends gives the same integers")
    func orderDoesNotMatter() throws {
        var generator = SystemRandomNumberGenerator()
        let addends = (0..<13).map { _ in Matrix(rows: 1, columns: 50, values: vector(50, &generator)) }
        let scale = FixedPointScale(count: 32, addends: addends.count)
        var straight = ExactAccumulator(count: 50)
        for addend in addends {
            try straight.add(addend, at: 0, scale: scale)
        }
        for groups in 1...5 {
            var partial = [ExactAccumulator](repeating: ExactAccumulator(count: 50), count: groups)
            for addend in addends.shuffled(using: &generator) {
                try partial[Int.random(in: 0..<groups, using: &generator)].add(addend, at: 0, scale: scale)
            }
            var total = ExactAccumulator(count: 50)
            for part in partial.shuffled(using: &generator) {
                total.add(part)
            }
            #expect(total.sums == straight.sums)
        }
    }

    @Test("A mean is off by no more than the bound that docs/numerics.md derives")
    func errorBound() throws {
        var generator = SystemRandomNumberGenerator()
        for count in [1, 2, 3, 31, 32, 33, 1000] {
            let addends = (0..<7).map { _ in vector(40, &generator) }
            let scale = FixedPointScale(count: count, addends: addends.count)
            var sums = ExactAccumulator(count: 40)
            for addend in addends {
                try sums.add(Matrix(rows: 1, columns: 40, values: addend), at: 0, scale: scale)
            }
            let means = Matrix(rows: 1, columns: 40)
            sums.means(of: 0..<40, scale: scale, into: means)
            for element in 0..<40 {
                let exact = addends.reduce(0) { $0 + Double($1[element]) } / Double(count)
                // Half a unit of 2^-40 an addend (the division by N / 2^⌊log2 N⌋ >= 1 only shrinks it), then one
                // rounding to a float.
                let bound = 7 * 0x1p-41 + exact.magnitude * 0x1p-23
                #expect((Double(means[0, element]) - exact).magnitude <= bound)
            }
        }
    }

    @Test(
        "Values that are not finite or too large are refused with their place, and never wrap",
        arguments: [0, 1, 16, 40])
    func refusals(place: Int) throws {
        let scale = FixedPointScale(count: 4, addends: 8)
        for bad in [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude, Float(scale.limit / scale.multiplier)] {
            var values = [Float](repeating: 0.5, count: 41)
            values[place] = bad
            var sums = ExactAccumulator(count: 41)
            let error = #expect(throws: FixedPointRefusal.self) {
                try sums.add(Matrix(rows: 1, columns: 41, values: values), at: 0, scale: scale)
            }
            #expect(error?.index == place)
        }
        // The largest values that are taken: all addends together still fit.
        var sums = ExactAccumulator(count: 1)
        let largest = (Float(scale.limit / scale.multiplier)).nextDown
        for _ in 0..<8 {
            try sums.add(Matrix(rows: 1, columns: 1, values: [largest]), at: 0, scale: scale)
        }
        #expect(sums.sums[0] > 0)
    }

    @Test(
        "The scale is the power of two below N",
        arguments: [(1, 0), (2, 1), (3, 1), (4, 2), (31, 4), (32, 5), (1000, 9)])
    func scaleExponent(count: Int, exponent: Int) {
        let scale = FixedPointScale(count: count, addends: 1)
        #expect(scale.exponent == exponent)
        #expect(scale.sum(Int64(scale.multiplier)) == 1)
    }
}
