//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Testing
import Tokenizers

/// What `Tests/Vectors/tokenizer/make_vectors.py` wrote: configurations, texts and Hugging Face's tokens.
struct KnownTokens: Sendable, Decodable, CustomTestStringConvertible {
    /// A text or a pair with its tokens.
    struct Case: Sendable, Decodable {
        let texts: [String]
        let length: Int?
        let ids: [Int32]
        let types: [Int32]
        let truncated: Bool
    }

    let name: String
    /// A `tokenizer.json` in which `"VOCABULARY"` stands for the vocabulary.
    let tokenizer: String
    let cases: [Case]

    var testDescription: String { name }

    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Vectors/tokenizer")

    /// All configurations.
    static func all() throws -> [KnownTokens] {
        try JSONDecoder().decode(
            [KnownTokens].self, from: Data(contentsOf: folder.appendingPathComponent("cases.json")))
    }

    /// The configuration of a name.
    static func named(_ name: String) throws -> KnownTokens {
        try #require(try all().first { $0.name == name })
    }

    /// The vocabulary in the order of its ids.
    ///
    /// It is no dictionary: some pieces are canonically equivalent.
    static func pieces() throws -> [String] {
        try JSONDecoder().decode([String].self, from: Data(contentsOf: folder.appendingPathComponent("pieces.json")))
    }

    /// The text of `tokenizer.json`.
    func description() throws -> String {
        let members = try Self.pieces().enumerated().map { id, piece in
            String(decoding: try JSONEncoder().encode(piece), as: UTF8.self) + ":\(id)"
        }
        return tokenizer.replacingOccurrences(
            of: "\"VOCABULARY\"", with: "{" + members.joined(separator: ",") + "}")
    }
}

/// A model folder for the length of a test.
struct ModelFolder: ~Copyable {
    let url: URL

    /// A folder with these files.
    init(_ files: [String: String]) throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("loradrop-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        for (name, content) in files { try Data(content.utf8).write(to: url.appendingPathComponent(name)) }
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            Issue.record("\(url.path) was not removed: \(error)")
        }
    }
}

/// The tokenizer of a folder with these files.
func tokenizer(_ files: [String: String]) throws -> any Tokenizer {
    try TokenizerFiles(folder: "folder", contents: files.mapValues { Array($0.utf8) }).tokenizer()
}
