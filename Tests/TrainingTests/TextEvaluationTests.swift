//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Generation
import Metrics
import Testing
import Training

@Suite("Texts that generated ones are held against")
struct TextEvaluationTests {
    private let rows = [("one", "a"), ("two", "b"), ("one", "c"), ("three", "d"), ("two", "e"), ("one", "a")]

    private var dataset: Dataset {
        let examples = rows.enumerated().map {
            Example(index: UInt32($0.offset), text: $0.element.0, pair: $0.element.1)
        }
        return Dataset(source: "rows.csv", examples: examples, lines: Array(2...rows.count + 1))
    }

    /// A token a byte, one before every text and one behind it.
    private func preparation(maximumLength: Int = 16) throws -> CompletionPreparation {
        try CompletionPreparation(endToken: 1, maximumLength: maximumLength) { [0] + $0.utf8.map { Int32($0) } + [1] }
    }

    @Test("each row is a text of its own, or those with one prompt are references of the first's")
    func groups() throws {
        let each = try preparation().questions(dataset, grouped: false)
        #expect(each.map(\.prompt.index) == [0, 1, 2, 3, 4, 5])
        #expect(each.map(\.references) == rows.map { [$0.1] })
        let grouped = try preparation().questions(dataset, grouped: true)
        #expect(grouped.map(\.prompt.index) == [0, 1, 3])
        #expect(grouped.map(\.references) == [["a", "c", "a"], ["b", "e"], ["d"]])
        #expect(grouped.map(\.prompt.tokenIDs) == ["one", "two", "three"].map { [0] + $0.utf8.map { Int32($0) } })
    }

    @Test("a prompt without room for a text is refused with its line")
    func room() throws {
        let error = #expect(throws: TrainingError.self) {
            try preparation(maximumLength: 5).questions(dataset, grouped: true)
        }
        #expect(error?.message.contains("rows.csv, line 5") == true, "\(error?.message ?? "")")
    }

    @Test("texts are measured in their order, against every reference")
    func measures() throws {
        let evaluation = TextEvaluation(
            questions: try preparation().questions(dataset, grouped: true), metrics: [.exactMatch, .bleu],
            settings: try GenerationSettings(strategy: .greedy, newTokens: 4, endTokens: [])
        ) { tokens in
            String(decoding: tokens.map { UInt8($0) }, as: UTF8.self)
        }
        let figures = try evaluation.measure(["c", "x", "dd"].map { $0.utf8.map { Int32($0) } })
        #expect(figures["eval_exact_match"] == 1.0 / 3)
        #expect(figures["eval_texts"] == 3 && figures["eval_gen_len"] == 4.0 / 3)
        #expect(figures["eval_bleu"] == 0 && figures.count == 4)
        let right = try evaluation.measure(["a", "e", "d"].map { $0.utf8.map { Int32($0) } })
        #expect(right["eval_exact_match"] == 1)
    }
}
