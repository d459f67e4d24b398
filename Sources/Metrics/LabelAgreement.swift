//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How predicted and right labels fall together, counted in whole numbers.
struct LabelAgreement {
    /// The labels that occur as a prediction or a reference, ascending.
    private let labels: [Int]
    /// For each of `labels`: how often it was predicted, was right, and both.
    private let predicted: [Int]
    private let right: [Int]
    private let both: [Int]
    private let count: Int

    /// - Precondition: as many predictions as references, and at least one.
    init(predictions: [Int], references: [Int]) {
        precondition(
            predictions.count == references.count && !predictions.isEmpty,
            "\(predictions.count) predictions, \(references.count) references")
        labels = Set(predictions).union(references).sorted()
        let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
        func tally(_ values: some Sequence<Int>) -> [Int] {
            var counts = [Int](repeating: 0, count: places.count)
            for value in values { counts[places[value, default: 0]] += 1 }
            return counts
        }
        predicted = tally(predictions)
        right = tally(references)
        both = tally(zip(predictions, references).filter { $0 == $1 }.map { $0.0 })
        count = predictions.count
    }

    private var correct: Int { both.reduce(0, +) }

    /// `sklearn.metrics.accuracy_score`.
    var accuracy: Double { Double(correct) / Double(count) }

    /// `sklearn.metrics.f1_score` with `average="binary"`.
    func f1(positiveLabel: Int) throws(MetricError) -> Double {
        guard labels.count <= 2 else {
            throw MetricError(
                .unsuitable,
                "f1 is about one of two labels, and \(labels.count) occur: use f1_macro, accuracy or "
                    + "matthews_correlation")
        }
        guard let place = labels.firstIndex(of: positiveLabel) else {
            // With a single label that is the negative one there is nothing to find, and nothing was found.
            guard labels.count == 1 else {
                throw MetricError(
                    .unsuitable, "f1: the positive label \(positiveLabel) does not occur, but \(labels) do")
            }
            return 0
        }
        return f1(at: place)
    }

    /// `sklearn.metrics.f1_score` with `average="macro"`: over the labels that occur, not over those that could.
    var macroF1: Double {
        labels.indices.reduce(0) { $0 + f1(at: $1) } / Double(labels.count)
    }

    /// F1 = 2·TP / (2·TP + FP + FN), whose denominator is positive: the label occurs.
    private func f1(at place: Int) -> Double {
        2 * Double(both[place]) / Double(predicted[place] + right[place])
    }

    /// `sklearn.metrics.matthews_corrcoef` (Gorodkin 2004 for more than two labels).
    ///
    /// Its three covariances are exact as integers to 2³¹ examples; only their quotient is rounded.
    var matthewsCorrelation: Double {
        func product(_ first: [Int], _ second: [Int]) -> Int { zip(first, second).reduce(0) { $0 + $1.0 * $1.1 } }
        let covariance = correct * count - product(right, predicted)
        let predictedVariance = count * count - product(predicted, predicted)
        let rightVariance = count * count - product(right, right)
        guard predictedVariance > 0, rightVariance > 0 else { return 0 }
        return Double(covariance) / (Double(predictedVariance) * Double(rightVariance)).squareRoot()
    }
}
