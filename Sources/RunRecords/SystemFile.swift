//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// The few calls of the operating system that Foundation has no exact form of, named here once.
enum SystemFile {
    /// Opens a file that no child process inherits: a lock must not outlive its owner in a worker.
    static func open(_ path: String, flags: Int32, mode: mode_t = 0o644) throws(RecordError) -> FileHandle {
        let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw failure("open", path: path)
        }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Gives a file another name in one step, in place of what had it.
    static func rename(_ path: String, to target: String) throws(RecordError) {
        guard unsafe Glibc.rename(path, target) == 0 else {
            throw failure("rename to \(target)", path: path)
        }
    }

    /// Makes the names in a folder durable.
    static func synchroniseFolder(_ path: String) throws(RecordError) {
        let folder = try open(path, flags: O_RDONLY | O_DIRECTORY)
        guard fsync(folder.fileDescriptor) == 0 else {
            throw failure("fsync", path: path)
        }
    }

    /// Locks a file for this process alone; false where another one has it.
    static func lock(_ file: FileHandle, path: String) throws(RecordError) -> Bool {
        if flock(file.fileDescriptor, LOCK_EX | LOCK_NB) == 0 {
            return true
        }
        guard errno == EWOULDBLOCK else {
            throw failure("lock", path: path)
        }
        return false
    }

    /// An error of the last call, with the system's reason.
    private static func failure(_ action: String, path: String) -> RecordError {
        let reason = POSIXError.Code(rawValue: errno).map { POSIXError($0).localizedDescription } ?? "error \(errno)"
        return RecordError(.system, path: path, "cannot \(action): \(reason)")
    }

    /// The error of a call of Foundation's.
    static func failure(_ action: String, path: String, _ error: any Error) -> RecordError {
        RecordError(.system, path: path, "cannot \(action): \(error.localizedDescription)")
    }
}
