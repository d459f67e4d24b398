//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How well predictions agree with references, as scikit-learn and scipy measure it.
///
/// Raw values are the names that Hugging Face's GLUE metrics have in result files, without the `eval_`.
package enum Metric: String, Sendable, Hashable, CaseIterable {
    /// The share of labels that are right.
    case accuracy
    /// The harmonic mean of precision and recall of the positive label.
    case f1
    /// The mean of the F1 of every label that occurs.
    case f1Macro = "f1_macro"
    /// Matthews' correlation, also of more than two labels.
    case matthewsCorrelation = "matthews_correlation"
    /// Pearson's correlation of scores.
    case pearson
    /// Spearman's correlation: Pearson's of the ranks.
    case spearmanr
    /// The mean squared error of scores.
    case mse
    /// GLUE's mean of two: accuracy and F1 of labels (MRPC), Pearson's and Spearman's correlation of scores (STS-B).
    case combinedScore = "combined_score"
    /// exp of the mean loss of a completion's token.
    case perplexity
    /// sacrebleu's corpus BLEU of generated texts, as the others below by `TextMetric`.
    case bleu
    /// sacrebleu's corpus chrF.
    case chrf
    /// rouge-score's ROUGE-L.
    case rougeL
    /// The share of texts that are a reference.
    case exactMatch = "exact_match"
    /// The share of texts that end with a reference's number.
    case finalNumber = "final_number"

    /// What is predicted.
    package enum Task: String, Sendable, Hashable {
        /// One of some labels.
        case classification
        /// A score.
        case regression
        /// A text.
        case generation
    }

    /// The tasks that the metric can judge.
    package var tasks: Set<Task> {
        switch self {
        case .accuracy, .f1, .f1Macro, .matthewsCorrelation: [.classification]
        case .pearson, .spearmanr, .mse: [.regression]
        case .combinedScore: [.classification, .regression]
        case .perplexity, .bleu, .chrf, .rougeL, .exactMatch, .finalNumber: [.generation]
        }
    }

    /// The same as a metric of generated texts; nil for one of labels, scores or losses.
    package var ofTexts: TextMetric? { TextMetric(rawValue: rawValue) }

    /// Whether it takes one label for the positive one, so that there can be but two.
    package var needsTwoLabels: Bool { self == .f1 || self == .combinedScore }

    /// Whether a higher value is the better one.
    package var isHigherBetter: Bool { self != .mse && self != .perplexity }

    /// Whether `value` is better than `other`.
    ///
    /// What is not a number is never better.
    package func isBetter(_ value: Double, than other: Double) -> Bool {
        isHigherBetter ? value > other : value < other
    }

    /// The metric of a name.
    ///
    /// `spearman` is taken for `spearmanr`, as in our configuration.
    ///
    /// - Throws: ``MetricError`` with the nearest names, or all of them.
    package init(named name: String) throws(MetricError) {
        if let metric = name == "spearman" ? .spearmanr : Metric(rawValue: name) {
            self = metric
            return
        }
        let near = NearMetricNames.of(name).map { "\"\($0)\"" }
        let suggestion =
            near.isEmpty
            ? "expected one of " + Metric.allCases.map(\.rawValue).joined(separator: ", ")
            : "did you mean " + near.joined(separator: " or ") + "?"
        throw MetricError(.unknownName, "there is no metric \"\(name)\"; \(suggestion)")
    }

    /// The value for predicted labels, given as their places in the list of labels.
    ///
    /// A metric that divides by zero is 0, as in scikit-learn: F1 where the positive label is neither predicted nor
    /// right anywhere, Matthews' correlation where all predictions or all references are the same.
    ///
    /// - Parameter positiveLabel: the label that ``f1`` is about; the other metrics ignore it.
    /// - Throws: ``MetricError`` for no predictions, another number of references, a metric of scores, and for ``f1``
    ///   with more than two labels.
    package func value(
        predictions: [Int], references: [Int], positiveLabel: Int = 1
    ) throws(MetricError) -> Double {
        try checkCounts(predictions.count, references.count)
        let agreement = LabelAgreement(predictions: predictions, references: references)
        switch self {
        case .accuracy: return agreement.accuracy
        case .f1: return try agreement.f1(positiveLabel: positiveLabel)
        case .f1Macro: return agreement.macroF1
        case .matthewsCorrelation: return agreement.matthewsCorrelation
        case .combinedScore: return (agreement.accuracy + (try agreement.f1(positiveLabel: positiveLabel))) / 2
        case .pearson, .spearmanr, .mse, .perplexity, .bleu, .chrf, .rougeL, .exactMatch, .finalNumber:
            throw unsuitable(for: .classification)
        }
    }

    /// The value for predicted scores.
    ///
    /// The correlation with scores that are all the same is 0: nothing of one side is told by the other. scipy gives
    /// NaN, which no JSON file can hold.
    ///
    /// - Throws: ``MetricError`` for no predictions, another number of references, a metric of labels, and for scores
    ///   that are not finite.
    package func value(predictions: [Double], references: [Double]) throws(MetricError) -> Double {
        try checkCounts(predictions.count, references.count)
        for (name, scores) in [("prediction", predictions), ("reference", references)] {
            if let place = scores.firstIndex(where: { !$0.isFinite }) {
                throw MetricError(
                    .notFinite, "\(rawValue): expected finite scores, found the \(name) \(scores[place]) at \(place)")
            }
        }
        switch self {
        case .pearson: return ScoreAgreement.pearson(predictions, references)
        case .spearmanr: return ScoreAgreement.spearman(predictions, references)
        case .mse:
            let error = ScoreAgreement.meanSquaredError(predictions, references)
            guard error.isFinite else {
                throw MetricError(.notFinite, "mse: the squares of the errors are too large to add up")
            }
            return error
        case .combinedScore:
            return
                (ScoreAgreement.pearson(predictions, references) + ScoreAgreement.spearman(predictions, references)) / 2
        case .accuracy, .f1, .f1Macro, .matthewsCorrelation, .perplexity, .bleu, .chrf, .rougeL, .exactMatch,
            .finalNumber:
            throw unsuitable(for: .regression)
        }
    }

    private func checkCounts(_ predictions: Int, _ references: Int) throws(MetricError) {
        guard predictions == references, predictions > 0 else {
            throw MetricError(
                .count,
                "\(rawValue): expected as many predictions as references, and one at least; found "
                    + "\(predictions) predictions and \(references) references")
        }
    }

    private func unsuitable(for task: Task) -> MetricError {
        let suitable = Metric.allCases.filter { $0.tasks.contains(task) }.map(\.rawValue).joined(separator: ", ")
        return MetricError(.unsuitable, "\(rawValue) does not measure a \(task.rawValue); expected one of \(suitable)")
    }
}
