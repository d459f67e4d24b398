//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Stops a training whose metric no longer improves, and remembers the best evaluation.
package struct EarlyStopping: Sendable, Hashable {
    /// Evaluations without improvement after which the training stops; nil never stops it.
    package let patience: Int?
    /// By how much a metric must be better than the best one to begin the patience anew.
    package let threshold: Double
    package let higherIsBetter: Bool

    package private(set) var best: (value: Double, step: Int)? {
        get { bestValue.map { ($0, bestStep) } }
        set { (bestValue, bestStep) = (newValue?.value, newValue?.step ?? 0) }
    }
    private var bestValue: Double?
    private var bestStep = 0
    /// Evaluations since the best one.
    package private(set) var evaluationsWithoutImprovement = 0

    package init(patience: Int?, threshold: Double, higherIsBetter: Bool) {
        self.patience = patience
        self.threshold = threshold
        self.higherIsBetter = higherIsBetter
    }

    /// Takes one evaluation.
    ///
    /// As in transformers, any improvement makes it the best, but only one by more than the threshold begins the
    /// patience anew. A value that is not a number is never better.
    /// - Returns: Whether it is the best so far.
    package mutating func observe(_ value: Double, step: Int) -> Bool {
        guard let known = bestValue else {
            evaluationsWithoutImprovement = value.isNaN ? evaluationsWithoutImprovement + 1 : 0
            if !value.isNaN {
                best = (value, step)
            }
            return !value.isNaN
        }
        let gain = higherIsBetter ? value - known : known - value
        evaluationsWithoutImprovement = gain > threshold ? 0 : evaluationsWithoutImprovement + 1
        if gain > 0 {
            best = (value, step)
        }
        return gain > 0
    }

    /// Whether the patience is used up.
    package var shouldStop: Bool {
        patience.map { evaluationsWithoutImprovement >= $0 } ?? false
    }
}
