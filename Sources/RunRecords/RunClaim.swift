//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import JSONText

/// The ownership of a run folder: while this lives, no other coordinator gets it.
package final class RunClaim {
    package let folder: RunFolder
    /// Counts the coordinators that have owned the folder, from 1: workers refuse a lower one than they have seen.
    package let incarnation: UInt64
    /// Whether the folder already held this run.
    package let isResumed: Bool
    private let resultDigest: String
    private let lock: FileHandle

    private static let formatVersion = 1

    /// Makes the folder if there is none, locks it, and makes sure that it holds this run or none.
    ///
    /// Nothing that was in the folder is overwritten, and nothing but the lock is added; `take` does that.
    /// - Parameters:
    ///   - resultDigest: what tells one run from another, in hexadecimal digits.
    ///   - resume: whether to go on with the same run; else it is an error.
    package init(_ folder: RunFolder, resultDigest: String, resume: Bool) throws {
        self.folder = folder
        self.resultDigest = resultDigest
        try SystemFile.createFolder(folder.path)
        lock = try Self.lock(folder)
        let previous = try Self.identity(in: folder)
        if let previous {
            guard previous.resultDigest == resultDigest else {
                throw RecordError(
                    .otherRun, path: folder.path,
                    "the folder holds another run (\(previous.resultDigest.prefix(12)), this one is "
                        + "\(resultDigest.prefix(12))): give another output_dir, or compare with its config.yaml which "
                        + "option that decides the result was changed")
            }
            guard resume else {
                throw RecordError(
                    .sameRun, path: folder.path,
                    "the folder holds this run already: give resume: true to go on with it, or another output_dir")
            }
        } else {
            try Self.requireNoForeignFiles(in: folder)
        }
        isResumed = previous != nil
        incarnation = (previous?.incarnation ?? 0) + 1
    }

    /// Writes down which run the folder holds and who owns it.
    ///
    /// From here on another run is refused, so a coordinator does what else may fail for reasons of the machine, such as
    /// a port in use, before.
    package func take() throws {
        let identity = JSONValue.object([
            JSONMember("format_version", .integer(Self.formatVersion)),
            JSONMember("result_digest", .string(resultDigest)),
            JSONMember("incarnation", .integer(incarnation)),
        ])
        try AtomicFile.write(identity.indentedText(), to: folder.identity)
    }

    private static func lock(_ folder: RunFolder) throws -> FileHandle {
        let file = try SystemFile.open(folder.lockFile, flags: O_RDWR | O_CREAT)
        guard try SystemFile.lock(file, path: folder.lockFile) else {
            let owner = try AtomicFile.read(folder.lockFile).map { String(decoding: $0, as: UTF8.self) } ?? ""
            throw RecordError(
                .locked, path: folder.path,
                "another coordinator owns the folder" + (owner.isEmpty ? "" : " (process \(owner))")
                    + ": wait for its end, or give another output_dir")
        }
        do {
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: Data(String(ProcessInfo.processInfo.processIdentifier).utf8))
        } catch {
            throw FileError("write", path: folder.lockFile, error)
        }
        return file
    }

    private static func identity(
        in folder: RunFolder
    ) throws -> (resultDigest: String, incarnation: UInt64)? {
        guard let bytes = try AtomicFile.read(folder.identity) else {
            return nil
        }
        let value: JSONValue
        do {
            value = try JSONParser.parse(bytes)
        } catch {
            throw RecordError(.malformed, path: folder.identity, "this is not JSON: \(error)")
        }
        guard value["format_version"]?.integer() == formatVersion, let digest = value["result_digest"]?.string,
            let incarnation = value["incarnation"]?.integer(UInt64.self)
        else {
            throw RecordError(
                .malformed, path: folder.identity,
                "expected format_version \(formatVersion), result_digest and incarnation; was it written by another "
                    + "version of this program?")
        }
        return (digest, incarnation)
    }

    /// A folder without `run.json` may hold the user's own files, such as the configuration, but nothing in the places
    /// that a run writes to.
    private static func requireNoForeignFiles(in folder: RunFolder) throws {
        let ours: Set<String> = [
            "adapter", "logs", "config.yaml", "trainer_state.json", "all_results.json", "journal.jsonl", "report.html",
            "spool",
        ]
        let foreign = try folder.names().filter { ours.contains($0) || $0.hasPrefix("checkpoint-") }.sorted()
        guard foreign.isEmpty else {
            throw RecordError(
                .foreign, path: folder.path,
                "the folder has \(foreign.joined(separator: ", ")) but no run.json, so no run of this program wrote them: "
                    + "give another output_dir, or move them away")
        }
    }
}
