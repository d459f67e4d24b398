//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Writes a file so that its name always stands for a whole one, whenever the machine stops: a temporary file in the
/// same folder is written, flushed to the disk and renamed, and the folder is flushed too.
package struct AtomicFile: ~Copyable {
    private let path: String
    private let folder: String
    private let temporaryPath: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 1 << 20

    /// Replaces the file at `path` by what `body` writes.
    ///
    /// Whatever fails, the file that was there before stays, and nothing else.
    /// - Throws: `FileError`, or what `body` throws.
    package static func replace(_ path: String, _ body: (inout AtomicFile) throws -> Void) throws {
        var file = try AtomicFile(path: path)
        do {
            try body(&file)
            try file.commit()
        } catch {
            unlink(file.temporaryPath)
            throw error
        }
        try SystemFile.synchroniseFolder(file.folder)
    }

    /// Writes a file of these bytes.
    /// - Throws: `FileError`.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        try replace(path) { try $0.write(bytes) }
    }

    /// Writes a file of this text, in UTF-8.
    /// - Throws: `FileError`.
    package static func write(_ text: String, to path: String) throws {
        try write(Array(text.utf8), to: path)
    }

    /// The bytes of a file; nil where there is none.
    package static func read(_ path: String) throws(FileError) -> [UInt8]? {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            return nil
        } catch {
            throw FileError("read", path: path, error)
        }
    }

    private init(path: String) throws(FileError) {
        self.path = path
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let above = parts.dropLast().joined(separator: "/")
        folder = above.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : above
        temporaryPath = "\(folder)/.\(parts.last ?? "").\(getpid()).tmp"
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw FileError("create", path: temporaryPath)
        }
    }

    deinit {
        close(descriptor)
    }

    /// Appends bytes.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferSize {
            try flush()
        }
    }

    /// Appends an array's bytes.
    package mutating func write(_ bytes: [UInt8]) throws(FileError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferSize {
            try flush()
        }
    }

    private mutating func flush() throws(FileError) {
        var written = 0
        while written < buffer.count {
            let count = buffer.withUnsafeBytes { bytes in
                Foundation.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileError("write", path: temporaryPath) }
            written += count
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func commit() throws(FileError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw FileError("flush to the disk", path: temporaryPath) }
        try SystemFile.rename(temporaryPath, to: path)
    }
}
