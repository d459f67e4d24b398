//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
import Generation

/// Makes training examples of prompts and their completions.
///
/// Prompt and completion are tokenised each for itself, so that a prompt has the same tokens whether or not a
/// completion follows it.
package struct CompletionPreparation: Sendable {
    /// The tokens of a text, with the special tokens around it.
    package typealias Encode = @Sendable (_ text: String) throws -> [Int32]

    private let encode: Encode
    private let endToken: Int32?
    private let maximumLength: Int
    /// How many special tokens stand before a text, and how many behind it.
    private let specialCounts: (before: Int, behind: Int)

    /// - Parameters:
    ///   - endToken: What ends every completion; nil: nothing does.
    ///   - maximumLength: Tokens of a row; what is more is cut off the completion.
    /// - Throws: What the tokenizer throws.
    package init(endToken: Int32?, maximumLength: Int, encode: @escaping Encode) throws {
        self.endToken = endToken
        self.maximumLength = maximumLength
        self.encode = encode
        // An empty text is special tokens alone; those before any text are where it begins like one.
        let special = try encode("")
        let before = zip(special, try encode("a")).prefix { $0 == $1 }.count
        specialCounts = (before, special.count - before)
    }

    /// A prompt begins like a text and does not end like one.
    private func prompt(_ text: String) throws -> [Int32] {
        try encode(text).dropLast(specialCounts.behind)
    }

    private func completion(_ text: String) throws -> [Int32] {
        Array(try encode(text).dropFirst(specialCounts.before).dropLast(specialCounts.behind))
    }

    /// Tokenises every row: `text` is the prompt, `pair` the completion.
    /// - Throws: `TrainingError` for a row without anything to learn, naming file and line, and what the tokenizer throws.
    package func tokenise(_ dataset: Dataset) throws -> DataPreparation.Prepared {
        try DataPreparation.inParallel(count: dataset.examples.count) { place in
            let (example, line) = (dataset.examples[place], dataset.lines[place])
            let before = try promptTokens(example, line: line, source: dataset.source)
            let after = try completion(example.pair ?? "") + [endToken].compactMap { $0 }
            let all = before + after
            let kept = Array(all.prefix(maximumLength))
            let tokens = TokenisedExample(
                index: example.index, tokenIDs: kept, tokenTypeIDs: kept.map { _ in 0 },
                target: .completion(first: before.count))
            guard tokens.lossCount > 0 else {
                throw TrainingError(
                    code: .badData,
                    message: "\(dataset.source), line \(line): the completion has no token that could be learnt")
            }
            return (tokens, kept.count < all.count)
        }
    }

    /// The tokens of every row's prompt, in file order.
    /// - Throws: `TrainingError` for a prompt that leaves no room, naming file and line.
    package func prompts(_ dataset: Dataset) throws -> [[Int32]] {
        try zip(dataset.examples, dataset.lines).map { example, line in
            try promptTokens(example, line: line, source: dataset.source)
        }
    }

    /// What every row's text is generated from and held against, in file order.
    /// - Parameter grouped: Rows with the same prompt are references of one text, at the place of the first; else each
    ///   row has a text of its own.
    /// - Throws: As `prompts`.
    package func questions(_ dataset: Dataset, grouped: Bool) throws -> [TextEvaluation.Question] {
        // By bytes: canonically equivalent texts are equal strings, and other tokens.
        var places: [[UInt8]: Int] = [:]
        var firsts: [Int] = []
        var references: [[String]] = []
        for (row, example) in dataset.examples.enumerated() {
            let reference = example.pair ?? ""
            let bytes = Array(example.text.utf8)
            if grouped, let place = places[bytes] {
                references[place].append(reference)
            } else {
                places[bytes] = firsts.count
                firsts.append(row)
                references.append([reference])
            }
        }
        return try zip(firsts, references).map { row, references in
            let example = dataset.examples[row]
            let tokens = try promptTokens(example, line: dataset.lines[row], source: dataset.source)
            return TextEvaluation.Question(
                prompt: Prompt(index: example.index, tokenIDs: tokens), references: references)
        }
    }

    private func promptTokens(_ example: Example, line: Int, source: String) throws -> [Int32] {
        let tokens = try prompt(example.text)
        guard tokens.count < maximumLength else {
            throw TrainingError(
                code: .badData,
                message: "\(source), line \(line): the prompt has \(tokens.count) tokens, which leaves no room for a "
                    + "completion in \(maximumLength); raise training.max_sequence_length, or shorten the row")
        }
        return tokens
    }
}
