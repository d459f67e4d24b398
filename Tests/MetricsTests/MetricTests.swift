//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Metrics
import Testing

@Suite("Metrics by name, and what they refuse")
struct MetricTests {
    @Test("every raw name is understood, and spearman for spearmanr")
    func names() throws {
        for metric in Metric.allCases { #expect(try Metric(named: metric.rawValue) == metric) }
        #expect(try Metric(named: "spearman") == .spearmanr)
    }

    @Test(
        "a misspelt name is answered with the nearest ones",
        arguments: [
            ("acuracy", "\"accuracy\""), ("matthews", "\"matthews_correlation\""), ("mcc", "\"matthews_correlation\""),
            ("Pearson", "\"pearson\""), ("f1-macro", "\"f1_macro\""), ("f2", "\"f1\""), ("spearmann", "\"spearmanr\""),
            ("combined", "\"combined_score\""), ("blew", "\"bleu\""), ("rouge-l", "\"rougeL\""),
            ("meteor", "accuracy, f1, f1_macro"), ("", "accuracy, f1, f1_macro"),
            (String(repeating: "a", count: 100_000), "accuracy, f1, f1_macro"),
        ])
    func suggestions(_ name: String, _ suggestion: String) {
        let error = #expect(throws: MetricError.self) { try Metric(named: name) }
        #expect(error?.code == .unknownName)
        #expect(error?.message.contains(suggestion) == true, "\(error?.message ?? "")")
    }

    @Test("no predictions, or another number of references, are refused with the numbers")
    func counts() {
        for metric in Metric.allCases {
            let none = #expect(throws: MetricError.self) {
                try metric.value(predictions: [Double](), references: [Double]())
            }
            #expect(none?.code == .count)
            let uneven = #expect(throws: MetricError.self) {
                try metric.value(predictions: [1, 0, 1], references: [1, 0])
            }
            #expect(uneven?.code == .count && uneven?.message.contains("3 predictions and 2 references") == true)
        }
    }

    @Test("a metric of the other task is refused, and the fitting ones are listed")
    func tasks() {
        for metric in Metric.allCases {
            if !metric.tasks.contains(.classification) {
                let error = #expect(throws: MetricError.self) {
                    try metric.value(predictions: [1, 0] as [Int], references: [1, 0])
                }
                #expect(error?.code == .unsuitable && error?.message.contains("accuracy, f1") == true)
            }
            if !metric.tasks.contains(.regression) {
                let error = #expect(throws: MetricError.self) {
                    try metric.value(predictions: [1.0, 0.0], references: [1.0, 0.0])
                }
                #expect(error?.code == .unsuitable && error?.message.contains("pearson, spearmanr, mse") == true)
            }
        }
    }

    @Test("scores that are not finite are refused with their place", arguments: [Double.nan, .infinity, -.infinity])
    func notFinite(_ score: Double) {
        for metric in Metric.allCases where metric.tasks.contains(.regression) {
            let prediction = #expect(throws: MetricError.self) {
                try metric.value(predictions: [1, score], references: [1, 2])
            }
            #expect(prediction?.code == .notFinite && prediction?.message.contains("prediction") == true)
            #expect(prediction?.message.contains("at 1") == true)
            let reference = #expect(throws: MetricError.self) {
                try metric.value(predictions: [1, 2], references: [score, 2])
            }
            #expect(reference?.code == .notFinite && reference?.message.contains("reference") == true)
        }
    }

    @Test("higher is better except for errors, and what is not a number is never better")
    func direction() {
        for metric in Metric.allCases {
            #expect(metric.isHigherBetter == ![.mse, .perplexity].contains(metric))
            #expect(metric.isBetter(0.8, than: 0.7) == metric.isHigherBetter)
            #expect(metric.isBetter(0.7, than: 0.8) != metric.isHigherBetter)
            #expect(!metric.isBetter(0.7, than: 0.7))
            #expect(!metric.isBetter(.nan, than: 0.7))
        }
        #expect(Metric.allCases.filter(\.needsTwoLabels) == [.f1, .combinedScore])
    }
}
