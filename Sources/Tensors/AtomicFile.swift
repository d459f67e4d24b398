//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Writes a file so that its name always stands for a whole one: a temporary file in the same folder is written,
/// flushed to the disk and renamed, and the folder is flushed too.
package struct AtomicFile: ~Copyable {
    private let path: String
    private let temporaryPath: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 1 << 20

    /// Replaces the file at `path` by what `body` writes.
    ///
    /// Whatever fails, the file that was there before stays.
    /// - Throws: `TensorFileError` with code `inputOutput`, or what `body` throws.
    package static func replace(_ path: String, _ body: (inout AtomicFile) throws -> Void) throws {
        var file = try AtomicFile(path: path)
        do {
            try body(&file)
            try file.commit()
        } catch {
            unlink(file.temporaryPath)
            throw error
        }
    }

    /// Replaces the file at `path` by `text`.
    /// - Throws: `TensorFileError` with code `inputOutput`.
    package static func replace(_ path: String, with text: String) throws {
        try replace(path) { try $0.write(Array(text.utf8)) }
    }

    private init(path: String) throws(TensorFileError) {
        self.path = path
        temporaryPath = "\(path).\(getpid()).tmp"
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Self.failure("\(temporaryPath) cannot be created")
        }
    }

    deinit {
        close(descriptor)
    }

    /// Appends bytes.
    /// - Throws: `TensorFileError` with code `inputOutput`.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(TensorFileError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferSize {
            try flush()
        }
    }

    /// Appends an array's bytes.
    /// - Throws: `TensorFileError` with code `inputOutput`.
    package mutating func write(_ bytes: [UInt8]) throws(TensorFileError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferSize {
            try flush()
        }
    }

    private mutating func flush() throws(TensorFileError) {
        var written = 0
        while written < buffer.count {
            let count = buffer.withUnsafeBytes { bytes in
                Foundation.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("\(temporaryPath) cannot be written") }
            written += count
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func commit() throws(TensorFileError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw Self.failure("\(temporaryPath) cannot be flushed to the disk") }
        guard rename(temporaryPath, path) == 0 else { throw Self.failure("\(temporaryPath) cannot replace \(path)") }
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folderDescriptor >= 0 else { throw Self.failure("folder \(folder) cannot be opened") }
        defer { close(folderDescriptor) }
        // Some file systems have no flush for folders and say so with EINVAL.
        guard fsync(folderDescriptor) == 0 || errno == EINVAL else {
            throw Self.failure("folder \(folder) cannot be flushed to the disk")
        }
    }

    private static func failure(_ what: String) -> TensorFileError {
        TensorFileError(.inputOutput, "\(what): \(String(cString: strerror(errno)))")
    }
}
