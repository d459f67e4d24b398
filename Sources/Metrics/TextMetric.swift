//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What is measured of generated texts.
package enum TextMetric: String, Sendable, Hashable, CaseIterable {
    /// The share of texts that are one of their references, white space at the ends aside; 0 to 1.
    case exactMatch = "exact_match"
    /// The share of texts whose final number is that of a reference, as GSM8K's answers end; 0 to 1.
    case finalNumber = "final_number"
    /// sacrebleu's corpus BLEU with its defaults: tokens of `13a`, four orders, exponential smoothing; 0 to 100.
    case bleu
    /// sacrebleu's corpus chrF with its defaults: six orders of characters without white space, beta 2; 0 to 100.
    case chrf
    /// The mean F of rouge-score's ROUGE-L without stemming, of several references the best; 0 to 1.
    case rougeL

    /// The value for texts with one reference or more each.
    ///
    /// - Throws: ``MetricError`` for no texts, another number of lists of references, and a text without reference.
    package func value(predictions: [String], references: [[String]]) throws(MetricError) -> Double {
        guard predictions.count == references.count, !predictions.isEmpty else {
            throw MetricError(
                .count,
                "\(rawValue): expected as many texts as lists of references, and one at least; found "
                    + "\(predictions.count) texts and \(references.count) lists")
        }
        if let place = references.firstIndex(where: \.isEmpty) {
            throw MetricError(.count, "\(rawValue): expected a reference for every text, found none for text \(place)")
        }
        let pairs = zip(predictions, references)
        func share(_ isRight: (String, [String]) -> Bool) -> Double {
            Double(pairs.count(where: isRight)) / Double(predictions.count)
        }
        switch self {
        case .exactMatch:
            return share { text, references in
                references.contains { WrittenText.trimmed($0) == WrittenText.trimmed(text) }
            }
        case .finalNumber:
            return share { text, references in
                guard let number = FinalNumber.of(text) else { return false }
                return references.contains { FinalNumber.of($0) == number }
            }
        case .bleu: return BLEU.corpusScore(predictions, references)
        case .chrf: return CharacterFScore.corpusScore(predictions, references)
        case .rougeL:
            return pairs.reduce(0) { $0 + RougeL.fMeasure($1.0, $1.1) } / Double(predictions.count)
        }
    }
}

/// How well a language model expects a text.
package enum Perplexity {
    /// The exponential of the mean negative log-likelihood of a token.
    ///
    /// - Parameters:
    ///   - loss: the sum over all tokens, in nats.
    ///   - tokens: how many were predicted.
    /// - Throws: ``MetricError`` for no tokens and for a sum that is not finite.
    package static func value(loss: Double, tokens: Int) throws(MetricError) -> Double {
        guard tokens > 0 else {
            throw MetricError(.count, "perplexity: expected one predicted token at least, found \(tokens)")
        }
        guard loss.isFinite else {
            throw MetricError(.notFinite, "perplexity: expected a finite sum of losses, found \(loss)")
        }
        return Exponential.of(loss / Double(tokens))
    }
}
