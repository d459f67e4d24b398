//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Foundation
import Tokenizers

/// Shows what the tokenizer makes of texts: for comparison with other implementations.
struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Print the token ids of texts, one JSON object a line.",
        discussion: """
            Every line of the file is a JSON list of one text or of two, as in ["a text"] or ["a text", "its pair"]. \
            Lines end with a line feed and nothing else.
            """,
        shouldDisplay: false)

    @Option(help: "The model's folder.")
    var model: String

    @Option(help: "The file with the texts.")
    var file: String

    @Option(help: "The most token ids a line, special tokens included.")
    var maxLength = Int(Int32.max)

    func run() throws {
        let tokenizer = try TokenizerFolder.load(URL(fileURLWithPath: model))
        let lines = try Data(contentsOf: URL(fileURLWithPath: file)).split(separator: UInt8(ascii: "\n"))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        for (number, line) in lines.enumerated() {
            let texts: [String]
            do {
                texts = try JSONDecoder().decode([String].self, from: line)
            } catch {
                throw ValidationError("\(file), line \(number + 1): expected a JSON list of texts: \(error)")
            }
            guard (1...2).contains(texts.count) else {
                throw ValidationError("\(file), line \(number + 1): expected one or two texts, found \(texts.count)")
            }
            let encoding = try tokenizer.encode(
                texts[0], pair: texts.count == 2 ? texts[1] : nil, maximumLength: maxLength)
            var output = try encoder.encode(
                Row(
                    inputIDs: encoding.tokenIDs, tokenTypeIDs: encoding.tokenTypeIDs, truncated: encoding.wasTruncated))
            output.append(UInt8(ascii: "\n"))
            try FileHandle.standardOutput.write(contentsOf: output)
        }
    }

    /// One line of output, with Hugging Face's names.
    private struct Row: Encodable {
        let inputIDs: [Int32]
        let tokenTypeIDs: [Int32]
        let truncated: Bool

        enum CodingKeys: String, CodingKey {
            case inputIDs = "input_ids"
            case tokenTypeIDs = "token_type_ids"
            case truncated
        }
    }
}

/// Shows the text of token ids: for comparison with other implementations.
struct DetokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detokenize",
        abstract: "Print the text of token ids, one JSON object a line.",
        discussion: """
            Every line of the file is a JSON list of token ids. Printed is their text, and their text without special \
            tokens.
            """,
        shouldDisplay: false)

    @Option(help: "The model's folder.")
    var model: String

    @Option(help: "The file with the token ids.")
    var file: String

    func run() throws {
        let tokenizer = try TokenizerFolder.load(URL(fileURLWithPath: model))
        let lines = try Data(contentsOf: URL(fileURLWithPath: file)).split(separator: UInt8(ascii: "\n"))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        for (number, line) in lines.enumerated() {
            let ids: [Int32]
            do {
                ids = try JSONDecoder().decode([Int32].self, from: line)
            } catch {
                throw ValidationError("\(file), line \(number + 1): expected a JSON list of token ids: \(error)")
            }
            var output = try encoder.encode(
                Row(
                    text: tokenizer.decode(ids, skippingSpecialTokens: false),
                    withoutSpecial: tokenizer.decode(ids, skippingSpecialTokens: true)))
            output.append(UInt8(ascii: "\n"))
            try FileHandle.standardOutput.write(contentsOf: output)
        }
    }

    /// One line of output.
    private struct Row: Encodable {
        let text: String
        let withoutSpecial: String

        enum CodingKeys: String, CodingKey {
            case text
            case withoutSpecial = "without_special"
        }
    }
}
