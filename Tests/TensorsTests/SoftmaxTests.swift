//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Tensors
import Testing

@Suite("Softmax over rows")
struct SoftmaxTests {
    @Test("rows agree with the definition over sizes with tails", arguments: sizesWithTails)
    func forward(columns: Int) {
        let before = uniform(5, columns, seed: 21, scale: 20)
        let x = strided(before, gap: 3)
        x.applySoftmax(scale: 0.3)
        #expect(Twin(before).softmax(scale: 0.3).largestDifference(from: x) < 1e-6)
    }

    @Test("backward agrees with finite differences", arguments: [1, 2, 5, 8, 16, 17, 33])
    func backward(columns: Int) {
        let scores = uniform(3, columns, seed: 22, scale: 4)
        let outer = uniform(3, columns, seed: 23)
        let probabilities = strided(scores, gap: 1)
        probabilities.applySoftmax(scale: 0.7)
        let gradient = strided(outer, gap: 2)
        gradient.applySoftmaxBackward(probabilities: probabilities, scale: 0.7)
        let expected = Twin(scores).numericalGradient(weights: Twin(outer)) { $0.softmax(scale: 0.7) }
        #expect(expected.largestDifference(from: gradient) < 1e-6)
    }

    @Test("large scores neither overflow nor lose their order")
    func largeScores() {
        let x = Matrix(rows: 1, columns: 3, values: [1e4, 1e4 - 1, -1e4])
        x.applySoftmax()
        #expect(abs(x[0, 0] - 0.7310586) < 1e-6)
        #expect(abs(x[0, 1] - 0.26894143) < 1e-6)
        #expect(x[0, 2] == 0)
    }

    @Test("not a number is not lost", arguments: [0, 5, 18])
    func notANumber(place: Int) {
        let x = uniform(1, 19, seed: 24)
        x[0, place] = .nan
        x.applySoftmax()
        #expect(x.isNaNEverywhere)
    }
}
