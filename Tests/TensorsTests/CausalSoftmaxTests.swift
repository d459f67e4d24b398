//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Tensors
import Testing

@Suite("Causal softmax and cross-entropy")
struct CausalSoftmaxTests {
    /// Softmax over what each row reads, 0 elsewhere.
    private static func twin(_ x: Twin, first: Int, window: Int?) -> Twin {
        var result = Twin(rows: x.rowCount, columns: x.columnCount)
        for row in 0..<x.rowCount {
            let position = first + row
            let read = max(0, position + 1 - (window ?? position + 1))...position
            let sum = read.reduce(0.0) { $0 + exp(0.6 * x[row, $1]) }
            for column in read {
                result[row, column] = exp(0.6 * x[row, column]) / sum
            }
        }
        return result
    }

    @Test(
        "rows read what is behind them, as far as the window reaches", arguments: [1, 2, 7, 16, 17, 40],
        [nil, 1, 3, 16, 100])
    func softmax(columns: Int, window: Int?) {
        let rows = min(4, columns)
        let first = columns - rows
        let scores = uniform(rows, columns, seed: 41, scale: 4)
        let probabilities = strided(scores, gap: 3)
        probabilities.applyCausalSoftmax(scale: 0.6, first: first, window: window)
        let expected = Self.twin(Twin(scores), first: first, window: window)
        #expect(expected.largestDifference(from: probabilities) < 1e-6)

        let outer = uniform(rows, columns, seed: 42)
        let gradient = strided(outer, gap: 1)
        gradient.applyCausalSoftmaxBackward(probabilities: probabilities, scale: 0.6, first: first, window: window)
        let byScores = Twin(scores).numericalGradient(weights: Twin(outer)) {
            Self.twin($0, first: first, window: window)
        }
        #expect(byScores.largestDifference(from: gradient) < 1e-6)
    }

    @Test("loss and gradient agree with the definition", arguments: sizesWithTails + [2047, 2048, 2049, 5000])
    func crossEntropy(columns: Int) {
        let logits = uniform(3, columns, seed: 43, scale: 6)
        let labels = [0, Int32(columns / 2), Int32(columns - 1)]
        let reference = logits.values.map(Double.init)
        let softmax = Twin(logits).softmax(scale: 1)
        let kept = strided(logits, gap: 2)
        let losses = kept.crossEntropy(labels: labels, differentiating: false)
        #expect(kept.values == logits.values)
        let gradient = strided(logits, gap: 5)
        #expect(gradient.crossEntropy(labels: labels, differentiating: true) == losses)
        var expected = softmax
        for (row, label) in labels.enumerated() {
            expected[row, Int(label)] -= 1
            let logit = reference[row * columns + Int(label)]
            let sum = (0..<columns).reduce(0.0) { $0 + exp(reference[row * columns + $1]) }
            #expect(abs(losses[row] - (log(sum) - logit)) < 1e-6 * max(1, abs(losses[row])))
        }
        #expect(expected.largestDifference(from: gradient) < 1e-6)
    }

    @Test("a logit that is no number makes the loss one", arguments: [0, 9, 20])
    func notANumber(place: Int) {
        let logits = uniform(2, 21, seed: 44)
        logits[1, place] = .nan
        let losses = logits.crossEntropy(labels: [3, 3], differentiating: true)
        #expect(losses[0].isFinite && losses[1].isNaN)
    }
}
