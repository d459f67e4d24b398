//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing

@Suite("RMS normalisation")
struct RMSNormTests {
    private static func norm(_ columns: Int) -> RMSNorm {
        RMSNorm(gamma: uniform(1, columns, seed: 31, scale: 2), epsilon: 1e-5)
    }

    private static func twin(_ x: Twin, _ norm: RMSNorm) -> Twin {
        var result = x
        for row in 0..<x.rowCount {
            let squares = (0..<x.columnCount).reduce(0.0) { $0 + x[row, $1] * x[row, $1] }
            let root = (squares / Double(x.columnCount) + Double(norm.epsilon)).squareRoot()
            for column in 0..<x.columnCount {
                result[row, column] = x[row, column] / root * Double(norm.gamma[0, column])
            }
        }
        return result
    }

    @Test("rows agree with the definition over sizes with tails", arguments: sizesWithTails)
    func forward(columns: Int) {
        let norm = Self.norm(columns)
        let x = uniform(4, columns, seed: 32, scale: 3)
        let y = strided(x, gap: 3)
        norm.apply(strided(x, gap: 1), into: y, reciprocals: Matrix(rows: 4, columns: 1))
        #expect(Self.twin(Twin(x), norm).largestDifference(from: y) < 2e-6)
        let inPlace = strided(x, gap: 2)
        norm.apply(inPlace, into: inPlace)
        #expect(inPlace.values == y.values)
    }

    @Test("backward agrees with finite differences, alone, in place and added", arguments: [1, 2, 5, 8, 16, 17, 33])
    func backward(columns: Int) {
        let norm = Self.norm(columns)
        let x = strided(uniform(3, columns, seed: 33, scale: 3), gap: 2)
        let outer = uniform(3, columns, seed: 34)
        let reciprocals = Matrix(rows: 3, columns: 1)
        norm.apply(x, into: Matrix(rows: 3, columns: columns), reciprocals: reciprocals)
        let expected = Twin(x).numericalGradient(weights: Twin(outer)) { Self.twin($0, norm) }
        let inner = strided(outer, gap: 1)
        norm.backward(inner, x: x, reciprocals: reciprocals, into: inner, adding: false)
        #expect(expected.largestDifference(from: inner) < 1e-5)
        let sum = strided(outer, gap: 1)
        norm.backward(outer, x: x, reciprocals: reciprocals, into: sum, adding: true)
        let total = Matrix(rows: 3, columns: columns, values: zip(outer.values, inner.values).map { $0 + $1 })
        #expect(Twin(total).largestDifference(from: sum) < 1e-6)
    }
}

@Suite("Rotary embeddings")
struct RotaryTableTests {
    @Test("each pair of columns is turned by its angle, and back", arguments: [4, 6, 16, 30, 34, 64])
    func turns(headSize: Int) {
        let half = headSize / 2
        let frequencies = (0..<half).map { 1 / Float(1 + $0) }
        let table = RotaryTable(positions: 3..<12, inverseFrequencies: frequencies, factor: 0.5)
        let before = uniform(5, 3 * headSize, seed: 35)
        let x = strided(before, gap: 3)
        table.turn(x, firstPosition: 6)
        var expected = Twin(before)
        for row in 0..<5 {
            for place in 0..<3 * half {
                let (head, pair) = (place / half, place % half)
                let angle = Double(Float(6 + row) * frequencies[pair])
                let (low, high) = (head * headSize + pair, head * headSize + pair + half)
                let (a, b) = (Double(before[row, low]), Double(before[row, high]))
                expected[row, low] = 0.5 * (a * cos(angle) - b * sin(angle))
                expected[row, high] = 0.5 * (b * cos(angle) + a * sin(angle))
            }
        }
        #expect(expected.largestDifference(from: x) < 1e-6)
        // The turn back is the transpose: with the factor twice, a quarter of where it began.
        table.turn(x, firstPosition: 6, .backward)
        var quarter = Twin(before)
        quarter.values = quarter.values.map { $0 / 4 }
        #expect(quarter.largestDifference(from: x) < 1e-6)
    }
}

@Suite("The SiLU gate")
struct SiLUGateTests {
    private static func twin(gate: Twin, up: Twin) -> Twin {
        var result = gate
        for place in gate.values.indices {
            result.values[place] = gate.values[place] / (1 + exp(-gate.values[place])) * up.values[place]
        }
        return result
    }

    @Test("the product and both gradients agree with the definition", arguments: sizesWithTails)
    func gate(columns: Int) {
        let gate = uniform(3, columns, seed: 36, scale: 12)
        let up = uniform(3, columns, seed: 37)
        let y = strided(gate, gap: 2)
        SiLUGate.apply(gate: strided(gate, gap: 1), up: up, into: y)
        #expect(Self.twin(gate: Twin(gate), up: Twin(up)).largestDifference(from: y) < 2e-6)

        let outer = uniform(3, columns, seed: 38)
        let gateGradient = strided(outer, gap: 1)
        let upGradient = strided(outer, gap: 3)
        SiLUGate.backward(gateGradient, gate: gate, up: up, upGradient: upGradient)
        let byGate = Twin(gate).numericalGradient(weights: Twin(outer)) { Self.twin(gate: $0, up: Twin(up)) }
        let byUp = Twin(up).numericalGradient(weights: Twin(outer)) { Self.twin(gate: Twin(gate), up: $0) }
        #expect(byGate.largestDifference(from: gateGradient) < 2e-6)
        #expect(byUp.largestDifference(from: upGradient) < 5e-6)
    }

    @Test("large arguments neither overflow nor vanish where they should not")
    func large() {
        let gate = Matrix(rows: 1, columns: 3, values: [200, -200, .nan])
        let y = Matrix(rows: 1, columns: 3)
        SiLUGate.apply(gate: gate, up: Matrix(rows: 1, columns: 3, values: [1, 1, 1]), into: y)
        #expect(y[0, 0] == 200 && y[0, 1] == 0 && y[0, 2].isNaN)
    }
}
