//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Corpus chrF as sacrebleu 2 computes it by default (Popović, "chrF: character n-gram F-score", 2015).
enum CharacterFScore {
    private static let orders = 6
    private static let beta = 2.0

    /// The counts of one order: runs of the text, runs of the reference, runs of both.
    private struct Counts {
        var text = 0
        var reference = 0
        var both = 0
    }

    static func corpusScore(_ predictions: [String], _ references: [[String]]) -> Double {
        var sums = [Counts](repeating: Counts(), count: orders)
        for (prediction, references) in zip(predictions, references) {
            let runs = self.runs(prediction)
            // Of several references the one with the highest score counts, at a tie the first.
            var best: (score: Double, counts: [Counts])?
            for reference in references {
                let counts = zip(runs, self.runs(reference)).map(compare)
                let score = self.score(counts)
                if best.map({ score > $0.score }) ?? true { best = (score, counts) }
            }
            for (order, counts) in (best?.counts ?? []).enumerated() {
                sums[order].text += counts.text
                sums[order].reference += counts.reference
                sums[order].both += counts.both
            }
        }
        return score(sums)
    }

    private static func runs(_ text: String) -> [[[UInt32]: Int]] {
        let characters = text.unicodeScalars.filter { !WrittenText.isSpace($0) }.map(\.value)
        return (1...orders).map { WrittenText.runs(of: $0, in: characters) }
    }

    private static func compare(_ text: [[UInt32]: Int], _ reference: [[UInt32]: Int]) -> Counts {
        Counts(
            // Where the reference has no run of this length, the text's do not count either.
            text: reference.isEmpty ? 0 : text.values.reduce(0, +), reference: reference.values.reduce(0, +),
            both: text.reduce(0) { $0 + min($1.value, reference[$1.key] ?? 0) })
    }

    private static func score(_ counts: [Counts]) -> Double {
        let used = counts.filter { $0.text > 0 && $0.reference > 0 }
        guard !used.isEmpty else { return 0 }
        let precision = used.reduce(0) { $0 + Double($1.both) / Double($1.text) } / Double(used.count)
        let recall = used.reduce(0) { $0 + Double($1.both) / Double($1.reference) } / Double(used.count)
        guard precision + recall > 0 else { return 0 }
        let factor = beta * beta
        return 100 * (1 + factor) * precision * recall / (factor * precision + recall)
    }
}
