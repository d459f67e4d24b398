//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Files
import Foundation

/// A file that grows by lines.
///
/// Lines reach the operating system at once, and the disk with `flush`. A line is in the file as a whole or not at all:
/// what a failed write left of it is cut off before anything else is written. Not for two threads at a time.
package final class LineFile {
    package let path: String
    /// How far the whole lines reach, in bytes.
    package private(set) var byteCount: Int
    private let file: FileHandle
    /// Whether a failed write may have left bytes behind `byteCount`.
    private var isTorn = false

    /// Opens a file, or makes it, to write at its end.
    package init(appendingTo path: String) throws(FileError) {
        self.path = path
        file = try SystemFile.open(path, flags: O_WRONLY | O_CREAT | O_APPEND)
        do {
            byteCount = Int(try file.seekToEnd())
        } catch {
            throw FileError("find the end of", path: path, error)
        }
    }

    /// Opens a file, or makes it, to write behind its first `byteCount` bytes; what follows them is cut off.
    package init(_ path: String, keeping byteCount: Int) throws(FileError) {
        self.path = path
        self.byteCount = byteCount
        file = try SystemFile.open(path, flags: O_WRONLY | O_CREAT | O_APPEND)
        try cut(to: byteCount)
    }

    /// Writes a line; the line break is added.
    package func append(_ line: String) throws(FileError) {
        try append(lines: [line])
    }

    /// Writes lines, all of them or none; the line breaks are added.
    package func append(lines: [String]) throws(FileError) {
        if isTorn {
            try cut(to: byteCount)
        }
        var data = Data(capacity: lines.reduce(0) { $0 + $1.utf8.count + 1 })
        for line in lines {
            data.append(contentsOf: line.utf8)
            data.append(0x0A)
        }
        do {
            try file.write(contentsOf: data)
        } catch {
            isTorn = true
            throw FileError("write", path: path, error)
        }
        byteCount += data.count
    }

    /// Cuts the file after its first `byteCount` bytes.
    package func cut(to byteCount: Int) throws(FileError) {
        // Until it is done the next write has to try again.
        isTorn = true
        self.byteCount = byteCount
        do {
            try file.truncate(atOffset: UInt64(byteCount))
        } catch {
            throw FileError("cut", path: path, error)
        }
        isTorn = false
    }

    /// Locks the file for this process alone, as long as this lives.
    /// - Returns: False where another process has it.
    package func lock() throws(FileError) -> Bool {
        try SystemFile.lock(file, path: path)
    }

    /// Returns once all that was written is on disk.
    package func flush() throws(FileError) {
        do {
            try file.synchronize()
        } catch {
            throw FileError("flush", path: path, error)
        }
    }
}
