//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
import Foundation
package import Metrics

/// A data set that a run is measured on.
package struct EvaluationSet: Sendable {
    package let examples: [TokenisedExample]
    package let loss: Loss
    package let metrics: [Metric]
    /// The label that counts as positive in a binary F1.
    package let positiveLabel: Int
    package let shardTokens: Int
    /// The texts that are generated too; nil: none.
    package let texts: TextEvaluation?

    /// - Parameter metrics: Those of texts are left to `texts`.
    package init(
        examples: [TokenisedExample], loss: Loss, metrics: [Metric], positiveLabel: Int, shardTokens: Int,
        texts: TextEvaluation? = nil
    ) {
        self.examples = examples
        self.loss = loss
        self.metrics = metrics.filter { $0.ofTexts == nil }
        self.texts = texts
        self.positiveLabel = positiveLabel
        self.shardTokens = shardTokens
    }

    /// The figures of the predictor's answers: mean loss and metrics, by transformers' names.
    /// - Parameter nextPass: The number that the next piece of work gets.
    package func figures(of predictor: any Predictor, nextPass: () -> Int) throws -> [String: Double] {
        let figures = try measure(try predict(with: predictor, nextPass: nextPass))
        guard let texts else { return figures }
        let generated = try predictor.texts(
            after: texts.questions.map(\.prompt), by: texts.settings, nextPass: nextPass)
        return figures.merging(try texts.measure(generated)) { _, measured in measured }
    }

    /// The logits of every example, in file order.
    /// - Parameter nextPass: The number that the next piece of work gets.
    package func predict(with predictor: any Predictor, nextPass: () -> Int) throws -> [Prediction] {
        var predictions: [Prediction] = []
        predictions.reserveCapacity(examples.count)
        for part in StepWork.parts(of: examples).map(Array.init) {
            let work = StepWork(
                kind: .predict, step: nextPass(), shards: ShardPlan.shards(of: part, shardTokens: shardTokens))
            let answers = Dictionary(
                try predictor.predict(work).map { ($0.example, $0) }, uniquingKeysWith: { first, _ in first })
            for example in part {
                guard let answer = answers[example.index] else {
                    throw TrainingError(
                        code: .shardsMiscounted,
                        message: "no prediction came back for row \(example.index) of \(part.count) that were asked for"
                    )
                }
                predictions.append(answer)
            }
        }
        return predictions
    }

    /// The mean loss and the metrics of predictions in file order, by transformers' names.
    package func measure(_ predictions: [Prediction]) throws -> [String: Double] {
        precondition(predictions.count == examples.count, "\(predictions.count) predictions of \(examples.count)")
        var result: [String: Double] = [:]
        var total = 0.0
        for (prediction, example) in zip(predictions, examples) {
            total += loss.value(logits: prediction.logits, target: example.target)
        }
        let loss = total / Double(max(1, examples.reduce(0) { $0 + $1.lossCount }))
        result["eval_loss"] = loss
        for metric in metrics {
            result["eval_\(metric.rawValue)"] = metric == .perplexity ? exp(loss) : try value(of: metric, predictions)
        }
        return result
    }

    private func value(of metric: Metric, _ predictions: [Prediction]) throws -> Double {
        switch loss {
        case .crossEntropy:
            return try metric.value(
                predictions: predictions.map { Self.label(of: $0.logits) },
                references: examples.map { if case .classIndex(let label) = $0.target { label } else { -1 } },
                positiveLabel: positiveLabel)
        case .completion:
            throw TrainingError(
                code: .badRequest, message: "\(metric.rawValue) is no metric of a generation's losses; use perplexity")
        case .squaredError:
            return try metric.value(
                predictions: predictions.map { Double($0.logits[0]) },
                references: examples.map { if case .score(let score) = $0.target { Double(score) } else { .nan } })
        }
    }

    /// The place of the largest logit; of equal ones the first.
    package static func label(of logits: [Float]) -> Int {
        var best = 0
        for place in logits.indices where logits[place] > logits[best] {
            best = place
        }
        return best
    }
}
