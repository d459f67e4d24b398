//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import JSONText

extension LoRADropRecord {
    /// The file's name in an adapter folder.
    package static let fileName = "lora_drop.json"

    /// Writes the file into an adapter folder, atomically.
    package func write(to folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(
            String(decoding: try encoder.encode(self), as: UTF8.self) + "\n", to: folder + "/" + Self.fileName)
    }

    /// Reads the file of an adapter folder; nil where there is none, as in a folder that PEFT wrote.
    /// - Throws: `LoRAError` with file and what was expected.
    package static func read(from folder: String) throws(LoRAError) -> LoRADropRecord? {
        let path = folder + "/" + fileName
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        // The version first: a file of another version may lack anything else.
        let file = try ConfigurationFile(path: path)
        guard file["format_version"]?.integer(Int.self) == currentFormatVersion else {
            throw LoRAError(
                .badAdapter,
                "\(path): format_version: expected \(currentFormatVersion), found \(file.found("format_version")); "
                    + "use the version of loradrop that wrote it")
        }
        let record: LoRADropRecord
        do {
            record = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw LoRAError(.badAdapter, "\(path): \(error)")
        }
        guard record.maximumSequenceLength >= 1, record.shardTokens >= 1 else {
            throw LoRAError(
                .badAdapter,
                "\(path): expected max_sequence_length and shard_tokens from 1 on, found "
                    + "\(record.maximumSequenceLength) and \(record.shardTokens)")
        }
        return record
    }
}
