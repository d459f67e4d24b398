//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation

/// A log file that is read while it grows.
///
/// Not for two threads at a time.
package final class LogTail {
    package let path: String
    private var lines: LogLines
    private var offset = 0
    private static let readSize = 1 << 20

    package init(_ path: String) {
        self.path = path
        lines = LogLines(path)
    }

    /// Lines that are no records, and what is wrong with the first.
    package var damage: (count: Int, first: RecordError)? {
        lines.firstDamage.map { (lines.damagedCount, $0) }
    }

    /// The records whose lines have been completed since the last call; none where the file is not there yet.
    /// - Throws: `RecordError` if the file cannot be read, or another one has taken its place.
    package func read() throws -> [LogRecord] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        var records: [LogRecord] = []
        while true {
            let bytes = try SystemFile.bytes(of: path, from: offset, count: Self.readSize)
            if bytes.isEmpty { break }
            offset += bytes.count
            records += lines.take(bytes)
        }
        let size = try SystemFile.size(of: path)
        if size < offset {
            // A new coordinator cuts off a line that the one before it could not finish.
            guard size == lines.wholeByteCount else {
                throw RecordError(
                    .malformed, path: path,
                    "the file has \(size) bytes and had \(offset): it is another file now; start again")
            }
            lines.forgetPartialLine()
            offset = size
        }
        return records
    }
}
