//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Metrics
import Testing

/// What `Tests/Vectors/metrics/make.py` wrote.
private struct KnownValues: Decodable {
    struct Labels: Sendable, Decodable, CustomTestStringConvertible {
        let name: String
        let predictions: [Int]
        let references: [Int]
        let positive: Int
        /// By metric; nil where scikit-learn refuses.
        let values: [String: Double?]
        var testDescription: String { name }
    }

    struct Scores: Sendable, Decodable, CustomTestStringConvertible {
        let name: String
        let predictions: [Double]
        let references: [Double]
        /// By metric; nil where scipy has no value.
        let values: [String: Double?]
        var testDescription: String { name }
    }

    let classification: [Labels]
    let regression: [Scores]

    static func read() throws -> KnownValues {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appendingPathComponent("Vectors/metrics/cases.json")
        return try JSONDecoder().decode(KnownValues.self, from: Data(contentsOf: file))
    }
}

@Suite("Metrics as scikit-learn and scipy compute them")
struct KnownValueTests {
    /// Both sides round: an agreement of 1e-12 of the larger, and as much absolutely near zero.
    private func isClose(_ value: Double, _ expected: Double) -> Bool {
        abs(value - expected) <= 1e-12 * max(1, abs(expected))
    }

    @Test("of labels", arguments: try KnownValues.read().classification)
    fileprivate func labels(_ known: KnownValues.Labels) throws {
        #expect(known.values.count == 5)
        for (name, expected) in known.values {
            let metric = try Metric(named: name)
            if let expected {
                let value = try metric.value(
                    predictions: known.predictions, references: known.references, positiveLabel: known.positive)
                #expect(isClose(value, expected), "\(name): \(value), expected \(expected)")
            } else {
                let error = #expect(throws: MetricError.self) {
                    try metric.value(
                        predictions: known.predictions, references: known.references, positiveLabel: known.positive)
                }
                #expect(error?.code == .unsuitable)
            }
        }
    }

    @Test("of scores, and 0 for a correlation with a constant", arguments: try KnownValues.read().regression)
    fileprivate func scores(_ known: KnownValues.Scores) throws {
        #expect(known.values.count == 4)
        for (name, expected) in known.values {
            let metric = try Metric(named: name)
            if metric == .mse, expected == .some(nil) {
                let error = #expect(throws: MetricError.self) {
                    try metric.value(predictions: known.predictions, references: known.references)
                }
                #expect(error?.code == .notFinite)
                continue
            }
            let value = try metric.value(predictions: known.predictions, references: known.references)
            #expect(isClose(value, expected ?? 0), "\(name): \(value), expected \(expected ?? 0)")
        }
    }

    @Test("every metric has known answers")
    func allMetrics() throws {
        let known = try KnownValues.read()
        let names = Set(known.classification.flatMap { $0.values.keys } + known.regression.flatMap { $0.values.keys })
        // Perplexity is no metric of predictions but of losses.
        #expect(names == Set(Metric.allCases.filter { $0.tasks != [.generation] }.map(\.rawValue)))
    }

    @Test("the order of the examples does not matter to ranks with ties")
    func order() throws {
        let predictions = [3.0, 1, 3, 2, 2, 9]
        let references = [1.0, 1, 4, 2, 4, 3]
        let forward = try Metric.spearmanr.value(predictions: predictions, references: references)
        let backward = try Metric.spearmanr.value(
            predictions: predictions.reversed(), references: references.reversed())
        #expect(isClose(forward, backward))
    }

    @Test("a large common offset costs a correlation no digits")
    func offset() throws {
        let scores = [1.0, 2, 4, 3, 8]
        let references = [1.0, 3, 2, 5, 4]
        let plain = try Metric.pearson.value(predictions: scores, references: references)
        let shifted = try Metric.pearson.value(predictions: scores.map { $0 + 0x1p20 }, references: references)
        #expect(isClose(shifted, plain))
    }
}
