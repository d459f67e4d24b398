//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing

@Suite("Activations")
struct ActivationTests {
    /// Numbers from tiny to large, of both signs.
    private static let inputs: [Float] = (-1200...1200).map { Float($0) * 0.01 } + [1e-6, -1e-6, 40, -40, 1e4, -1e4]

    @Test("values and slopes agree with the definitions", arguments: Activation.allCases)
    func definitions(activation: Activation) {
        let x = Matrix(rows: 1, columns: Self.inputs.count, values: Self.inputs)
        let slope = Matrix(rows: 1, columns: x.columnCount)
        activation.apply(to: x, bias: Matrix(rows: 1, columns: x.columnCount), slope: slope)
        for (place, input) in Self.inputs.enumerated() {
            let v = Double(input)
            let value = activation.twin(v)
            #expect(abs(Double(x[0, place]) - value) <= 2.5e-7 * abs(v), "f(\(v))")
            guard v != 0 else { continue }
            let step = 1e-5 * max(abs(v), 1)
            let expected =
                activation == .relu
                ? (v > 0 ? 1 : 0) : (activation.twin(v + step) - activation.twin(v - step)) / (2 * step)
            #expect(abs(Double(slope[0, place]) - expected) < 2e-6, "f'(\(v))")
        }
    }

    @Test("the GELU's lower tail has a small relative error")
    func tail() {
        let inputs: [Float] = (1...500).map { Float($0) * -0.01 }
        let x = Matrix(rows: 1, columns: inputs.count, values: inputs)
        Activation.gelu.apply(to: x, bias: Matrix(rows: 1, columns: inputs.count), slope: nil)
        for (place, input) in inputs.enumerated() {
            let value = Activation.gelu.twin(Double(input))
            #expect(abs(Double(x[0, place]) / value - 1) < 2e-6, "GELU(\(input))")
        }
    }

    @Test("bias, strides and tails: rows agree with the definition", arguments: Activation.allCases)
    func shapes(activation: Activation) {
        for columns in sizesWithTails {
            let before = uniform(3, columns, seed: 1, scale: 4)
            let bias = uniform(1, columns, seed: 2)
            let x = strided(before, gap: 3)
            let slope = strided(before, gap: 1)
            activation.apply(to: x, bias: bias, slope: slope)
            var expected = Twin(before)
            for row in 0..<3 {
                for column in 0..<columns {
                    expected[row, column] = activation.twin(expected[row, column] + Double(bias[0, column]))
                }
            }
            #expect(expected.largestDifference(from: x) < 2e-6, "\(columns) columns")
            let withoutSlope = strided(before, gap: 3)
            activation.apply(to: withoutSlope, bias: bias, slope: nil)
            #expect(withoutSlope.values == x.values, "\(columns) columns, no slope")
        }
    }

    @Test("not a number stays not a number", arguments: Activation.allCases)
    func notANumber(activation: Activation) {
        let x = Matrix(rows: 1, columns: 20)
        x.fill(.nan)
        activation.apply(to: x, bias: Matrix(rows: 1, columns: 20), slope: nil)
        #expect(x.isNaNEverywhere)
        x.applyTanh(bias: Matrix(rows: 1, columns: 20))
        #expect(x.isNaNEverywhere)
    }

    @Test("tanh agrees with the C library's, and so does its backward with its definition")
    func hyperbolicTangent() {
        let x = Matrix(rows: 1, columns: Self.inputs.count, values: Self.inputs)
        x.applyTanh(bias: Matrix(rows: 1, columns: x.columnCount))
        let gradient = Matrix(rows: 1, columns: x.columnCount)
        gradient.fill(2)
        gradient.applyTanhBackward(y: x)
        for (place, input) in Self.inputs.enumerated() {
            let value = tanh(Double(input))
            #expect(abs(Double(x[0, place]) - value) <= 4e-7 * abs(value), "tanh(\(input))")
            #expect(abs(Double(gradient[0, place]) - 2 * (1 - value * value)) < 2e-6, "tanh'(\(input))")
        }
    }

    @Test("tanh with a bias over shapes with tails")
    func tanhShapes() {
        for columns in sizesWithTails {
            let before = uniform(2, columns, seed: 3, scale: 2)
            let bias = uniform(1, columns, seed: 4)
            let x = strided(before, gap: 2)
            x.applyTanh(bias: bias)
            var expected = Twin(before)
            for place in expected.values.indices {
                expected.values[place] = tanh(expected.values[place] + Double(bias[0, place % columns]))
            }
            #expect(expected.largestDifference(from: x) < 1e-6, "\(columns) columns")
        }
    }
}
