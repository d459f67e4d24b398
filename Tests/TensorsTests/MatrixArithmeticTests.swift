//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing

@Suite("Arithmetic on matrices")
struct MatrixArithmeticTests {
    @Test("sums, products and biases agree with the definitions", arguments: sizesWithTails)
    func elementwise(columns: Int) {
        let x = uniform(3, columns, seed: 51)
        let y = uniform(3, columns, seed: 52)
        let bias = uniform(1, columns, seed: 53)

        let sum = strided(x, gap: 1)
        sum.add(strided(y, gap: 4), scaledBy: -0.5)
        for (place, value) in sum.values.enumerated() {
            #expect(abs(value - (x.values[place] - 0.5 * y.values[place])) < 1e-6)
        }
        let product = strided(x, gap: 2)
        product.multiply(by: strided(y, gap: 1))
        let products = zip(x.values, y.values).map { $0 * $1 }
        #expect(product.values == products)
        let biased = strided(x, gap: 3)
        biased.addBias(bias)
        let biases = x.values.enumerated().map { $1 + bias.values[$0 % columns] }
        #expect(biased.values == biases)
        let columnSums = Matrix(rows: 1, columns: columns, values: bias.values)
        columnSums.addColumnSums(of: strided(x, gap: 2))
        let inOrder = (0..<columns).map { ((bias[0, $0] + x[0, $0]) + x[1, $0]) + x[2, $0] }
        #expect(columnSums.values == inOrder)
        let scaled = strided(x, gap: 1)
        scaled.scale(by: 3)
        let threefold = x.values.map { $0 * 3 }
        #expect(scaled.values == threefold)
    }

    @Test("scaling by zero clears what is not a number")
    func scalingByZero() {
        let x = Matrix(rows: 2, columns: 3)
        x.fill(.nan)
        x.scale(by: 0)
        #expect(x.values == [0, 0, 0, 0, 0, 0])
    }

    @Test("the sum of squares agrees with the definition", arguments: sizesWithTails)
    func sumOfSquares(columns: Int) {
        let x = uniform(4, columns, seed: 54)
        let expected = x.values.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(x.sumOfSquares - expected) < 1e-13 * expected)
        #expect(abs(strided(x, gap: 3).sumOfSquares - expected) < 1e-13 * expected)
    }

    @Test("rows of a table are gathered, copied or added")
    func gather() {
        let table = uniform(6, 11, seed: 55)
        let ids: [Int32] = [5, 0, 3, 3]
        let rows = strided(Matrix(rows: 4, columns: 11), gap: 2)
        rows.gatherRows(ids, of: strided(table, gap: 1))
        rows.gatherRows([1, 1, 1, 2], of: table, adding: true)
        for (row, other) in [1, 1, 1, 2].enumerated() {
            for column in 0..<11 {
                #expect(rows[row, column] == table[Int(ids[row]), column] + table[other, column])
            }
        }
    }

    @Test("flushing denormals holds for the thread that asks for it")
    func denormals() throws {
        // A thread of its own, so that the mode does not stay with a thread that runs other tests.
        let done = DispatchSemaphore(value: 0)
        let box = Box()
        let thread = Thread {
            box.before = FloatingPointMode.flushesDenormals
            FloatingPointMode.flushDenormals()
            box.after = FloatingPointMode.flushesDenormals
            let x = Matrix(rows: 1, columns: 33)
            x.fill(1e-30)
            x.multiply(by: x)
            x.scale(by: 1e30)
            box.products = x.values
            done.signal()
        }
        thread.start()
        try #require(done.wait(timeout: .now() + 60) == .success)
        #expect(!box.before)
        #expect(box.after)
        #expect(box.products == [Float](repeating: 0, count: 33))
    }

    @Test("a thread that flushes denormals for a while has its own mode back afterwards, also after an error")
    func denormalsForAWhile() {
        struct Stop: Error {}
        let before = FloatingPointMode.flushesDenormals
        #expect(FloatingPointMode.flushingDenormals { FloatingPointMode.flushesDenormals })
        #expect(FloatingPointMode.flushesDenormals == before)
        #expect(throws: Stop.self) { try FloatingPointMode.flushingDenormals { throw Stop() } }
        #expect(FloatingPointMode.flushesDenormals == before)
    }

    /// Written by one thread before the semaphore's signal and read by another after it.
    private final class Box: @unchecked Sendable {
        var before = true
        var after = false
        var products: [Float] = []
    }
}
