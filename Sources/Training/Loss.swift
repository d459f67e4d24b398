//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
import Foundation
package import Tensors

/// The losses of sequence classification, as transformers has them: cross-entropy over the labels, or with a single
/// label the squared error.
///
/// Both are sums over the examples here; the division by their exact count comes after the reduction
/// (docs/numerics.md).
package enum Loss: Sendable, Hashable {
    case crossEntropy
    case squaredError

    /// The loss sum of `logits` [examples, labels], and its gradient into `gradient`, of the same shape.
    ///
    /// Worked in double precision: it is a handful of numbers, and the sum is reported.
    /// - Precondition: As many targets as rows, of the kind that the loss needs.
    package func sum(logits: Matrix, targets: [Target], gradient: Matrix) -> Double {
        precondition(logits.rowCount == targets.count, "\(targets.count) targets for \(logits.rowCount) rows of logits")
        var total = 0.0
        for (row, target) in targets.enumerated() {
            switch (self, target) {
            case (.crossEntropy, .classIndex(let label)):
                total += crossEntropy(logits: logits, row: row, label: label, gradient: gradient)
            case (.squaredError, .score(let score)):
                let difference = Double(logits[row, 0]) - Double(score)
                gradient[row, 0] = Float(2 * difference)
                total += difference * difference
            case (_, _):
                preconditionFailure("target \(target) of row \(row) does not fit the loss \(self)")
            }
        }
        return total
    }

    /// Whether a target can be compared with so many logits.
    func accepts(_ target: Target, labelCount: Int) -> Bool {
        switch (self, target) {
        case (.crossEntropy, .classIndex(let label)): (0..<labelCount).contains(label)
        case (.squaredError, .score(let score)): labelCount == 1 && score.isFinite
        case (_, _): false
        }
    }

    /// The loss of one example.
    /// - Precondition: A target of the kind that the loss needs.
    package func value(logits: [Float], target: Target) -> Double {
        let row = Matrix(rows: 1, columns: logits.count, values: logits)
        return sum(logits: row, targets: [target], gradient: Matrix(rows: 1, columns: logits.count))
    }

    private func crossEntropy(logits: Matrix, row: Int, label: Int, gradient: Matrix) -> Double {
        let labelCount = logits.columnCount
        precondition(label >= 0 && label < labelCount, "label \(label) of \(labelCount)")
        var largest = -Double.infinity
        for column in 0..<labelCount {
            largest = max(largest, Double(logits[row, column]))
        }
        var denominator = 0.0
        for column in 0..<labelCount {
            denominator += exp(Double(logits[row, column]) - largest)
        }
        for column in 0..<labelCount {
            let probability = exp(Double(logits[row, column]) - largest) / denominator
            gradient[row, column] = Float(column == label ? probability - 1 : probability)
        }
        return log(denominator) + largest - Double(logits[row, label])
    }
}
