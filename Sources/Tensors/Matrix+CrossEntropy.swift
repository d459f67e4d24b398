//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CKernels
import Foundation

extension Matrix {
    /// The cross-entropy of every row of logits with its label; the rows become its gradient if asked.
    ///
    /// A row's result depends on the row alone.
    /// - Parameters:
    ///   - labels: One a row, each a column.
    ///   - differentiating: Whether the logits are overwritten by softmax(row) - onehot(label). Else they stay.
    /// - Returns: -log(softmax(row)[label]) of every row; not a number where a logit is none.
    package func crossEntropy(labels: [Int32], differentiating: Bool) -> [Double] {
        precondition(labels.count == rowCount, "\(labels.count) labels for \(rowCount) rows of logits")
        for label in labels {
            precondition(label >= 0 && Int(label) < columnCount, "label \(label) of \(columnCount)")
        }
        var denominators = [Double](repeating: 0, count: rowCount)
        var margins = denominators
        withExtendedLifetime(self) {
            ck_cross_entropy(
                base, rowStride, labels, &denominators, &margins, differentiating ? 1 : 0, rowCount, columnCount)
        }
        return zip(denominators, margins).map { log($0) + $1 }
    }
}
