//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// A file that grows by lines.
///
/// Lines reach the operating system at once, and the disk with `flush`. Not for two threads at a time.
package final class LineFile {
    package let path: String
    private let file: FileHandle

    /// Opens a file, or makes it, to write at its end.
    package convenience init(appendingTo path: String) throws(RecordError) {
        try self.init(path, flags: O_WRONLY | O_CREAT | O_APPEND)
    }

    /// Opens a file to write behind its first `byteCount` bytes; what follows them is cut off.
    package convenience init(_ path: String, keeping byteCount: Int) throws(RecordError) {
        try self.init(path, flags: O_WRONLY | O_CREAT)
        do {
            try file.truncate(atOffset: UInt64(byteCount))
            try file.seekToEnd()
        } catch {
            throw SystemFile.failure("cut", path: path, error)
        }
    }

    private init(_ path: String, flags: Int32) throws(RecordError) {
        self.path = path
        file = try SystemFile.open(path, flags: flags)
    }

    /// Writes a line; the line break is added.
    package func append(_ line: String) throws(RecordError) {
        do {
            try file.write(contentsOf: Data((line + "\n").utf8))
        } catch {
            throw SystemFile.failure("write", path: path, error)
        }
    }

    /// Returns once all that was written is on disk.
    package func flush() throws(RecordError) {
        do {
            try file.synchronize()
        } catch {
            throw SystemFile.failure("flush", path: path, error)
        }
    }
}
