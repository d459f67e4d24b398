//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Files

/// The journal of a run: one fact a line, each with a check sum, so that a line cut by a crash is recognised.
///
/// Not for two threads at a time.
package final class Journal {
    /// What a journal holds.
    package struct Contents: Sendable, Hashable {
        package let records: [JournalRecord]
        /// How far the whole records reach.
        package let byteCount: Int
        /// What follows them: the end of a write that a crash cut off.
        package let tornByteCount: Int
    }

    /// What was in the journal when it was opened.
    package let recovered: Contents
    private let file: LineFile
    private var nextSequence: UInt64

    /// Opens a journal, or makes it; a torn end is cut off.
    package init(_ path: String) throws {
        recovered = try Self.contents(of: AtomicFile.read(path) ?? [], path: path)
        file = try LineFile(path, keeping: recovered.byteCount)
        nextSequence = UInt64(recovered.records.count)
    }

    /// Writes a record; it survives the end of this process, and with `flush` that of the machine.
    /// - Returns: The record as written.
    @discardableResult
    package func append(_ event: JournalEvent, wallNanoseconds: Int) throws(FileError) -> JournalRecord {
        let record = JournalRecord(sequence: nextSequence, wallNanoseconds: wallNanoseconds, event: event)
        try file.append(record.line)
        nextSequence += 1
        return record
    }

    /// Returns once all records are on disk.
    package func flush() throws(FileError) {
        try file.flush()
    }

    /// Reads a journal's bytes.
    ///
    /// Lines at the end that are no whole records are a torn write; one with whole records after it is an error, as is a
    /// record that is missing.
    package static func contents(of bytes: [UInt8], path: String) throws(RecordError) -> Contents {
        var records: [JournalRecord] = []
        var wholeByteCount = 0
        var brokenLine: Int?
        var position = 0
        var line = 0
        while position < bytes.count, let end = bytes[position...].firstIndex(of: 0x0A) {
            line += 1
            if let record = JournalRecord(line: bytes[position..<end]) {
                if let brokenLine {
                    throw RecordError(
                        .malformed, path: path, line: brokenLine,
                        "the record is damaged, and whole records follow it; the journal cannot be trusted: restore it, "
                            + "or start in another folder")
                }
                guard record.sequence == UInt64(records.count) else {
                    throw RecordError(
                        .malformed, path: path, line: line,
                        "expected record \(records.count), found record \(record.sequence)")
                }
                records.append(record)
                wholeByteCount = end + 1
            } else {
                brokenLine = brokenLine ?? line
            }
            position = end + 1
        }
        return Contents(records: records, byteCount: wholeByteCount, tornByteCount: bytes.count - wholeByteCount)
    }
}
