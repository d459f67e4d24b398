//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Metrics
import Testing

/// What `Tests/Vectors/metrics/make_texts.py` wrote.
private struct KnownTexts: Decodable {
    struct Case: Sendable, Decodable, CustomTestStringConvertible {
        let name: String
        let predictions: [String]
        let references: [[String]]
        let values: [String: Double]
        var testDescription: String { name }
    }

    let cases: [Case]

    static func read() throws -> KnownTexts {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appendingPathComponent("Vectors/metrics/texts.json")
        return try JSONDecoder().decode(KnownTexts.self, from: Data(contentsOf: file))
    }
}

@Suite("Metrics of texts")
struct TextMetricTests {
    @Test("BLEU, chrF and ROUGE-L are sacrebleu's and rouge-score's", arguments: try KnownTexts.read().cases)
    fileprivate func knownTexts(_ known: KnownTexts.Case) throws {
        #expect(known.values.count == 3)
        for (name, expected) in known.values {
            let metric = try #require(TextMetric(rawValue: name))
            let value = try metric.value(predictions: known.predictions, references: known.references)
            #expect(abs(value - expected) <= 1e-11 * max(1, expected), "\(name): \(value), expected \(expected)")
        }
    }

    @Test("a text is right if it is one of its references, white space at the ends aside")
    func exactMatch() throws {
        let value = try TextMetric.exactMatch.value(
            predictions: [" a b\n", "a  b", "", "caf\u{E9}"],
            references: [["x", "a b"], ["a b"], [" "], ["cafe\u{301}"]])
        #expect(value == 0.5)
    }

    @Test(
        "the final number is the one behind the mark, or else the last one",
        arguments: [
            ("So 3 + 4 = 7.\n#### 7", "7"), ("#### 1,234", "The answer is 1234."), ("#### -5", "it is -5"),
            ("#### 3.50", "$3.50."), ("2 #### 8 and 9", "8"), ("10-5 is 5", "x #### 5"),
        ])
    func finalNumber(_ text: String, _ other: String) throws {
        #expect(try TextMetric.finalNumber.value(predictions: [text], references: [[other]]) == 1)
        #expect(try TextMetric.finalNumber.value(predictions: [text], references: [["#### 99", other]]) == 1)
        #expect(
            try TextMetric.finalNumber.value(predictions: [text, "no number"], references: [["#### 99"], ["none"]]) == 0
        )
    }

    @Test("perplexity is the exponential of the mean loss")
    func perplexity() throws {
        #expect(try Perplexity.value(loss: 0, tokens: 3) == 1)
        #expect(abs(try Perplexity.value(loss: 4, tokens: 2) - 7.38905609893065) < 1e-13)
        #expect(throws: MetricError.self) { try Perplexity.value(loss: 1, tokens: 0) }
        #expect(throws: MetricError.self) { try Perplexity.value(loss: .nan, tokens: 1) }
    }

    @Test("each is a metric of a generation under the same name")
    func names() {
        #expect(Metric.allCases.compactMap(\.ofTexts).count == TextMetric.allCases.count)
        for metric in Metric.allCases where metric.ofTexts != nil {
            #expect(metric.tasks == [.generation] && metric.isHigherBetter)
        }
    }

    @Test("another number of references, a text without any, and no texts are refused", arguments: TextMetric.allCases)
    func counts(_ metric: TextMetric) {
        for (texts, references) in [(["a"], []), (["a"], [[]]), ([], [])] as [([String], [[String]])] {
            let error = #expect(throws: MetricError.self) {
                try metric.value(predictions: texts, references: references)
            }
            #expect(error?.code == .count && error?.message.contains(metric.rawValue) == true)
        }
    }
}
