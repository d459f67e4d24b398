//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Testing
import Tokenizers

/// What `Tests/Vectors/tokenizer/make_byte_pair_vectors.py` wrote: byte-pair tokenizers, texts, ids, and Hugging Face's
/// answers.
struct KnownBytePairs: Sendable, Decodable {
    struct Model: Sendable, Decodable {
        /// In the order of their ids.
        let pieces: [String]
        let merges: [[String]]
    }

    /// A text or a pair with its tokens.
    struct Case: Sendable, Decodable {
        let texts: [String]
        let length: Int?
        let ids: [Int32]
        /// Nil where all are 0.
        let types: [Int32]?
        let truncated: Bool
    }

    /// Ids with their text, with special tokens and without.
    struct Decoded: Sendable, Decodable {
        let ids: [Int32]
        let text: String
        let plain: String
    }

    /// A long text by name, with the number of its tokens and their checksum.
    struct Long: Sendable, Decodable {
        let name: String
        let count: Int
        let checksum: Int
    }

    struct Configuration: Sendable, Decodable, CustomTestStringConvertible {
        let name: String
        let model: String
        /// A `tokenizer.json` in which `"VOCABULARY"`, `"MERGES"` and `"JOINED"` stand for the model's.
        let tokenizer: String
        let cases: [Case]
        let decoded: [Decoded]
        let long: [Long]

        var testDescription: String { name }
    }

    let models: [String: Model]
    let configurations: [Configuration]

    /// The file's content, read once.
    static let all = Result {
        try JSONDecoder().decode(
            KnownBytePairs.self, from: Data(contentsOf: KnownTokens.folder.appendingPathComponent("byte_pair.json")))
    }

    /// The text of a configuration's `tokenizer.json`.
    static func description(_ configuration: Configuration) throws -> String {
        let model = try #require(try all.get().models[configuration.model])
        func text(_ value: some Encodable) throws -> String {
            String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        }
        let members = try model.pieces.enumerated().map { "\(try text($1)):\($0)" }.joined(separator: ",")
        return configuration.tokenizer
            .replacingOccurrences(of: "\"VOCABULARY\"", with: "{\(members)}")
            .replacingOccurrences(of: "\"MERGES\"", with: try text(model.merges))
            .replacingOccurrences(of: "\"JOINED\"", with: try text(model.merges.map { $0.joined(separator: " ") }))
    }

    /// The `tokenizer.json` of the configuration with a name.
    static func description(named name: String) throws -> String {
        try description(try #require(try all.get().configurations.first { $0.name == name }))
    }

    /// The long texts by name, as the script makes them.
    static let longTexts = [
        "letters": String(repeating: "abcdefghij", count: 1000), "one letter": String(repeating: "a", count: 10_000),
        "spaces": String(repeating: " ", count: 10_000), "digits": String(repeating: "1234567890", count: 1000),
        "emoji": String(repeating: "\u{1F600}", count: 2500), "line breaks": String(repeating: " \n", count: 5000),
        "punctuation": String(repeating: "!?", count: 5000),
    ]
}
