//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing

@Suite("AdamW")
struct AdamWTests {
    @Test("ten steps agree with the algorithm in 64-bit floats", arguments: [1, 7, 16, 33, 70])
    func steps(count: Int) {
        let optimiser = AdamW(firstDecay: 0.8, secondDecay: 0.99, epsilon: 1e-6)
        let start = uniform(1, count, seed: 31)
        let parameters = Matrix(rows: 1, columns: count, values: start.values)
        let first = Matrix(rows: 1, columns: count)
        let second = Matrix(rows: 1, columns: count)
        var p = start.values.map(Double.init)
        var m = [Double](repeating: 0, count: count)
        var v = m
        for step in 1...10 {
            let gradients = uniform(1, count, seed: UInt64(100 + step))
            optimiser.update(
                parameters, firstMoments: first, secondMoments: second, gradients: gradients, gradientScale: 0.5,
                learningRate: 0.01, weightDecay: 0.1, step: step)
            var firstCorrection = 1.0
            var secondCorrection = 1.0
            for _ in 0..<step {
                firstCorrection *= 0.8
                secondCorrection *= 0.99
            }
            for place in 0..<count {
                let g = Double(gradients[0, place]) * 0.5
                m[place] = 0.8 * m[place] + 0.2 * g
                v[place] = 0.99 * v[place] + 0.01 * g * g
                let root = (v[place] / (1 - secondCorrection)).squareRoot()
                p[place] -= 0.01 * 0.1 * p[place]
                p[place] -= 0.01 * m[place] / (1 - firstCorrection) / (root + 1e-6)
            }
        }
        for place in 0..<count {
            #expect(abs(Double(parameters[0, place]) - p[place]) < 1e-6)
            #expect(abs(Double(parameters[0, place]) - Double(start[0, place])) > 1e-4)
        }
    }

    @Test("a range is updated and its neighbours are not")
    func ranges() {
        let parameters = uniform(1, 40, seed: 32)
        let before = parameters.values
        let moments = [Matrix(rows: 1, columns: 40), Matrix(rows: 1, columns: 40)]
        let gradients = uniform(1, 40, seed: 33)
        AdamW().update(
            parameters.columns(7..<30), firstMoments: moments[0].columns(7..<30),
            secondMoments: moments[1].columns(7..<30), gradients: gradients.columns(7..<30), learningRate: 0.1,
            weightDecay: 0, step: 1)
        for place in 0..<40 {
            #expect((parameters[0, place] == before[place]) == !(7..<30).contains(place))
        }
    }
}
