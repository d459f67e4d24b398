//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The bytes of those files of a model folder that tell of its tokenizer.
///
/// Reading them is apart from understanding them: the second half needs no disk.
package struct TokenizerFiles: Sendable {
    /// The files that are looked for.
    package static let names = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt",
    ]

    /// What errors call the folder.
    package let folder: String
    /// The files' bytes by name; those that the folder does not have are missing.
    package let contents: [String: [UInt8]]

    package init(folder: String, contents: [String: [UInt8]]) {
        self.folder = folder
        self.contents = contents
    }

    /// What errors call a file.
    func path(_ name: String) -> String { "\(folder)/\(name)" }

    /// A JSON file's content; nil where the folder has none.
    func json(_ name: String) throws -> JSONField? {
        try contents[name].map { try JSONField.root(of: $0, file: path(name)) }
    }

    /// The tokenizer that `tokenizer.json` describes or, without one, `vocab.txt` together with
    /// `tokenizer_config.json`.
    ///
    /// Padding and truncation that `tokenizer.json` asks for are not done: who encodes gives the length, nobody pads.
    ///
    /// - Throws: ``TokenizerError`` that names the file and the key; a tokenizer of a kind that is not supported is
    ///   refused by name.
    package func tokenizer() throws -> any Tokenizer {
        let configuration = try TokenizerConfiguration(self)
        if let description = try json("tokenizer.json") {
            return try TokenizerDescription.read(description, configuration: configuration)
        }
        if let vocabulary = contents["vocab.txt"] {
            return try VocabularyFile.read(vocabulary, file: path("vocab.txt"), configuration: configuration)
        }
        throw TokenizerError(
            .missingFile,
            "\(folder): found neither tokenizer.json nor vocab.txt; copy the tokenizer's files beside the model")
    }
}
