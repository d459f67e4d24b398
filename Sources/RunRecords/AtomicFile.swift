//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Files that are there as a whole or not at all, whenever the machine stops.
package enum AtomicFile {
    /// Writes a file: to a temporary one beside it, flushed, renamed, and the folder flushed.
    ///
    /// What was at `path` stays untouched until the rename, and stays for good where an error is thrown.
    package static func write(_ bytes: [UInt8], to path: String) throws(RecordError) {
        let url = URL(filePath: path)
        let temporary = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).partial").path
        do throws(RecordError) {
            let file = try SystemFile.open(temporary, flags: O_WRONLY | O_CREAT | O_TRUNC)
            do {
                try file.write(contentsOf: Data(bytes))
                try file.synchronize()
                try file.close()
            } catch {
                throw SystemFile.failure("write", path: temporary, error)
            }
            try SystemFile.rename(temporary, to: path)
        } catch {
            // Whatever happened, the half-written file is of no use; that it cannot be removed is no second error.
            try? FileManager.default.removeItem(atPath: temporary)
            throw error
        }
        try SystemFile.synchroniseFolder(url.deletingLastPathComponent().path)
    }

    /// Writes a text in UTF-8.
    package static func write(_ text: String, to path: String) throws(RecordError) {
        try write(Array(text.utf8), to: path)
    }

    /// The bytes of a file; nil where there is none.
    package static func read(_ path: String) throws(RecordError) -> [UInt8]? {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            return nil
        } catch {
            throw SystemFile.failure("read", path: path, error)
        }
    }
}
