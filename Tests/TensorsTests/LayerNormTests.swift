//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing

@Suite("Layer normalisation")
struct LayerNormTests {
    private static func norm(_ columns: Int) -> LayerNorm {
        LayerNorm(
            gamma: uniform(1, columns, seed: 11, scale: 2), beta: uniform(1, columns, seed: 12), epsilon: 1e-5)
    }

    private static func twin(_ x: Twin, _ norm: LayerNorm) -> Twin {
        x.layerNorm(
            gamma: norm.gamma.values.map(Double.init), beta: norm.beta.values.map(Double.init),
            epsilon: Double(norm.epsilon))
    }

    @Test("with and without bias and residual, rows agree with the definition", arguments: sizesWithTails)
    func forward(columns: Int) {
        let norm = Self.norm(columns)
        let x = uniform(4, columns, seed: 13, scale: 3)
        let bias = uniform(1, columns, seed: 14)
        let residual = uniform(4, columns, seed: 15)
        for (usesBias, usesResidual) in [(false, false), (true, false), (false, true), (true, true)] {
            var sum = Twin(x)
            for place in sum.values.indices {
                sum.values[place] +=
                    (usesBias ? Double(bias.values[place % columns]) : 0)
                    + (usesResidual ? Double(residual.values[place]) : 0)
            }
            let y = strided(x, gap: 3)
            norm.apply(
                strided(x, gap: 1), bias: usesBias ? bias : nil,
                residual: usesResidual ? strided(residual, gap: 2) : nil, into: y)
            // A single column is its own mean: what is left is rounding, magnified by 1/√epsilon.
            #expect(Self.twin(sum, norm).largestDifference(from: y) < 2e-5, "bias \(usesBias)")
            let inPlace = strided(x, gap: 1)
            let kept = LayerNorm.Kept(rows: 4, columns: columns, workspace: Workspace())
            norm.apply(
                inPlace, bias: usesBias ? bias : nil, residual: usesResidual ? residual : nil, into: inPlace,
                kept: kept)
            #expect(inPlace.values == y.values, "in place, keeping")
        }
    }

    @Test("backward agrees with finite differences", arguments: [2, 3, 5, 8, 15, 16, 17, 33])
    func backward(columns: Int) {
        let norm = Self.norm(columns)
        let x = uniform(3, columns, seed: 16, scale: 3)
        let outer = uniform(3, columns, seed: 17)
        let kept = LayerNorm.Kept(rows: 3, columns: columns, workspace: Workspace())
        norm.apply(x, into: Matrix(rows: 3, columns: columns), kept: kept)
        let gradient = strided(outer, gap: 1)
        norm.backward(gradient, kept: kept)
        let expected = Twin(x).numericalGradient(weights: Twin(outer)) { Self.twin($0, norm) }
        #expect(expected.largestDifference(from: gradient) < 3e-5)
    }

    @Test("rows that hardly vary are normalised without cancellation")
    func largeMean() {
        let columns = 64
        let norm = LayerNorm(
            gamma: Matrix(rows: 1, columns: columns, values: [Float](repeating: 1, count: columns)),
            beta: Matrix(rows: 1, columns: columns), epsilon: 1e-12)
        let x = uniform(1, columns, seed: 18)
        for column in 0..<columns {
            x[0, column] += 1000
        }
        let y = Matrix(rows: 1, columns: columns)
        norm.apply(x, into: y)
        #expect(Self.twin(Twin(x), norm).largestDifference(from: y) < 5e-4)
    }
}
