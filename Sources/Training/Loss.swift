//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
import Foundation
package import Tensors

/// The losses, as transformers has them: of sequence classification cross-entropy over the labels, or with a single
/// label the squared error; of a language model cross-entropy over the completions' tokens.
///
/// All are sums over examples or tokens here; the division by their exact count comes after the reduction
/// (docs/numerics.md).
package enum Loss: Sendable, Hashable {
    case crossEntropy
    case squaredError
    /// Computed where the logits are (`DecoderModel.completionLosses`): an example's answer is its loss already.
    case completion

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

    /// Whether an example's target can be compared with so many logits.
    func accepts(_ example: TokenisedExample, labelCount: Int) -> Bool {
        switch (self, example.target) {
        case (.completion, .completion(let first)): first >= 0 && first < example.tokenIDs.count
        case (.crossEntropy, .classIndex(let label)): (0..<labelCount).contains(label)
        case (.squaredError, .score(let score)): labelCount == 1 && score.isFinite
        case (_, _): false
        }
    }

    /// The loss of one example.
    /// - Precondition: A target of the kind that the loss needs.
    package func value(logits: [Float], target: Target) -> Double {
        if self == .completion { return Double(logits[0]) }
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
