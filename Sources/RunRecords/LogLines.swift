//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Reads the lines of a log file as its bytes come in: whole lines that are records, and a count of those that are not.
///
/// A value without I/O. Bytes after the last line break are the end of a write that is under way or was cut off; they
/// wait for the rest.
package struct LogLines: Sendable {
    /// The longest line that is looked at, in bytes: several times the longest record.
    package static let maximumLineByteCount = 1 << 20

    private let path: String
    private var partial: [UInt8] = []
    private var isPassingOver = false
    private var lineCount = 0
    /// How far the whole lines reach, in bytes from the start of the file.
    package private(set) var wholeByteCount: Int
    /// Lines that are no records.
    package private(set) var damagedCount = 0
    /// What is wrong with the first of them.
    package private(set) var firstDamage: RecordError?

    /// - Parameters:
    ///   - path: the file, for errors.
    ///   - offset: where in the file the bytes begin: at its start, or behind a line break.
    package init(_ path: String, from offset: Int = 0) {
        self.path = path
        wholeByteCount = offset
    }

    /// Takes the next bytes of the file.
    /// - Returns: The records whose lines they complete, in the file's order.
    package mutating func take(_ bytes: some Sequence<UInt8>) -> [LogRecord] {
        var records: [LogRecord] = []
        for byte in bytes {
            guard byte == 0x0A else {
                pendingByteCount += 1
                if partial.count < Self.maximumLineByteCount {
                    partial.append(byte)
                } else {
                    isPassingOver = true
                }
                continue
            }
            lineCount += 1
            wholeByteCount += pendingByteCount + 1
            pendingByteCount = 0
            defer {
                partial.removeAll(keepingCapacity: true)
                isPassingOver = false
            }
            do throws(RecordError) {
                guard !isPassingOver else {
                    throw RecordError(
                        .malformed, path: path, line: lineCount,
                        "the line is longer than \(Self.maximumLineByteCount) bytes")
                }
                records.append(
                    try LogRecord(
                        jsonLine: String(decoding: partial, as: UTF8.self), path: path, number: lineCount))
            } catch {
                damagedCount += 1
                firstDamage = firstDamage ?? error
            }
        }
        return records
    }

    /// The bytes after the last line break are gone from the file.
    mutating func forgetPartialLine() {
        partial = []
        isPassingOver = false
        pendingByteCount = 0
    }

    /// Bytes since the last line break.
    private var pendingByteCount = 0
}
