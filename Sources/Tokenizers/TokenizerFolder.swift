//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Foundation

/// Reads the tokenizer of a model folder.
package enum TokenizerFolder {
    /// The tokenizer that the folder's `tokenizer.json` describes or, in a folder without one, its `vocab.txt` together
    /// with `tokenizer_config.json`.
    ///
    /// Padding and truncation that `tokenizer.json` asks for are not done: who encodes gives the length, nobody pads.
    ///
    /// - Throws: ``TokenizerError`` that names the file and the key; a tokenizer of a kind that is not supported is
    ///   refused by name.
    package static func load(_ folder: URL) throws -> any Tokenizer {
        let description = folder.appendingPathComponent("tokenizer.json")
        let vocabulary = folder.appendingPathComponent("vocab.txt")
        let configuration = try TokenizerConfiguration(folder: folder)
        if FileManager.default.fileExists(atPath: description.path) {
            return try TokenizerDescription.read(description, configuration: configuration)
        }
        if FileManager.default.fileExists(atPath: vocabulary.path) {
            return try VocabularyFile.read(vocabulary, configuration: configuration)
        }
        throw TokenizerError(
            .missingFile,
            "\(folder.path): found neither tokenizer.json nor vocab.txt; copy the tokenizer's files beside the model")
    }

    /// The bytes of a regular file within the size limit.
    static func bytes(of file: URL) throws -> [UInt8] {
        let path = file.resolvingSymlinksInPath().path
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw TokenizerError(.unreadableFile, "\(file.path): expected a regular file")
            }
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            let data = try handle.read(upToCount: TokenizerLimits.fileBytes + 1) ?? Data()
            guard data.count <= TokenizerLimits.fileBytes else {
                throw TokenizerError(
                    .unreadableFile, "\(file.path): larger than the limit of \(TokenizerLimits.fileBytes) bytes")
            }
            return [UInt8](data)
        } catch let error as TokenizerError {
            throw error
        } catch {
            throw TokenizerError(.unreadableFile, "\(file.path): cannot be read: \(error.localizedDescription)")
        }
    }

    /// A JSON file's content.
    static func json(_ file: URL) throws -> JSONField {
        try JSONField.root(of: try bytes(of: file), file: file.path)
    }
}
