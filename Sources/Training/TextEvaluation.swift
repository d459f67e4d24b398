//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Generation
package import Metrics

/// The texts that generated ones are held against, and how that is measured.
package struct TextEvaluation: Sendable {
    /// A prompt with every text that would have been right after it.
    package struct Question: Sendable, Hashable {
        package let prompt: Prompt
        /// At least one.
        package let references: [String]

        package init(prompt: Prompt, references: [String]) {
            self.prompt = prompt
            self.references = references
        }
    }

    /// In file order, a group of rows at the place of its first one.
    package let questions: [Question]
    package let metrics: [TextMetric]
    package let settings: GenerationSettings
    private let text: @Sendable ([Int32]) -> String

    /// - Parameter text: The text of generated tokens, without special ones.
    package init(
        questions: [Question], metrics: [TextMetric], settings: GenerationSettings,
        text: @escaping @Sendable ([Int32]) -> String
    ) {
        self.settings = settings
        self.questions = questions
        self.metrics = metrics
        self.text = text
    }

    /// The metrics of the texts that followed each prompt, by their `eval_` names; beside them how many texts there
    /// are (`eval_texts`) and their mean length in tokens (`eval_gen_len`).
    /// - Parameter tokens: A text for each of `questions`, in their order.
    /// - Throws: `MetricError`.
    package func measure(_ tokens: [[Int32]]) throws -> [String: Double] {
        precondition(tokens.count == questions.count, "\(tokens.count) texts for \(questions.count) prompts")
        let texts = tokens.map(text)
        let references = questions.map(\.references)
        var result = [
            "eval_texts": Double(texts.count),
            "eval_gen_len": Double(tokens.reduce(0) { $0 + $1.count }) / Double(max(1, tokens.count)),
        ]
        for metric in metrics {
            result["eval_\(metric.rawValue)"] = try metric.value(predictions: texts, references: references)
        }
        return result
    }
}
