//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import RunRecords

/// What the log files of a run hold when a coordinator opens them, after whatever end the one before it had.
struct LogRecovery {
    /// The merged file, behind its last whole line.
    let merged: LineFile
    /// What is written.
    let marks: LogMarks
    /// What was found to be amiss, for the log.
    let notes: [String]

    private static let readSize = 1 << 20

    /// Reads the files, cuts off torn ends, and copies to a process's own file what only the merged one has.
    init(_ folder: RunFolder) throws {
        var notes: [String] = []
        var ownMarks = LogMarks()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.logs).sorted()
        for name in names where name.hasSuffix(".jsonl") && folder.logs + "/" + name != folder.mergedLog {
            _ = try Self.read(folder.logs + "/" + name, &notes) { ownMarks.take($0) }
        }
        var marks = LogMarks()
        var missing: [String: [LogRecord]] = [:]
        merged = try Self.read(folder.mergedLog, &notes) { record in
            marks.take(record)
            if ownMarks.take(record) {
                missing[record.worker, default: []].append(record)
            }
        }
        for (worker, records) in missing.sorted(by: { $0.key < $1.key }) {
            try LineFile(appendingTo: folder.log(ofWorker: worker)).append(lines: records.map(\.jsonLine))
            notes.append("\(records.count) records were missing in the file of \(worker) alone, and are there now")
        }
        self.marks = marks
        self.notes = notes
    }

    /// Reads a file through and opens it behind its last whole line.
    private static func read(
        _ path: String, _ notes: inout [String], _ take: (LogRecord) -> Void
    ) throws -> LineFile {
        var lines = LogLines(path)
        var byteCount = 0
        if FileManager.default.fileExists(atPath: path) {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            while let bytes = try file.read(upToCount: readSize), !bytes.isEmpty {
                byteCount += bytes.count
                lines.take(bytes).forEach(take)
            }
        }
        if byteCount > lines.wholeByteCount {
            notes.append("\(path): the last line was cut off by a crash (\(byteCount - lines.wholeByteCount) bytes)")
        }
        if let damage = lines.firstDamage {
            notes.append("\(lines.damagedCount) lines are no log records, the first: \(damage)")
        }
        return try LineFile(path, keeping: lines.wholeByteCount)
    }
}
