//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Foundation

/// The few calls of the operating system that Foundation has no exact form of, named here once.
package enum SystemFile {
    /// Opens a file that no child process inherits: a lock must not outlive its owner in a worker.
    package static func open(_ path: String, flags: Int32, mode: mode_t = 0o644) throws(FileError) -> FileHandle {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw FileError("open", path: path)
        }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Gives a file or a folder another name in one step, in place of the file that had it.
    package static func rename(_ path: String, to target: String) throws(FileError) {
        guard Glibc.rename(path, target) == 0 else {
            throw FileError("rename to \(target)", path: path)
        }
    }

    /// Makes the names in a folder durable.
    package static func synchroniseFolder(_ path: String) throws(FileError) {
        let folder = try open(path, flags: O_RDONLY | O_DIRECTORY)
        // Some file systems have no flush for folders and say so with EINVAL.
        guard fsync(folder.fileDescriptor) == 0 || errno == EINVAL else {
            throw FileError("flush to the disk", path: path)
        }
    }

    /// Locks a file for this process alone; false where another one has it.
    ///
    /// The lock ends with the handle, however the process ends.
    package static func lock(_ file: FileHandle, path: String) throws(FileError) -> Bool {
        if flock(file.fileDescriptor, LOCK_EX | LOCK_NB) == 0 {
            return true
        }
        guard errno == EWOULDBLOCK else {
            throw FileError("lock", path: path)
        }
        return false
    }

    /// Up to `count` bytes of a file from an offset on; none at its end.
    package static func bytes(of path: String, from offset: Int, count: Int) throws(FileError) -> [UInt8] {
        let file = try open(path, flags: O_RDONLY)
        do {
            try file.seek(toOffset: UInt64(offset))
            return [UInt8](try file.read(upToCount: count) ?? Data())
        } catch {
            throw FileError("read", path: path, error)
        }
    }

    /// The length of a file, in bytes.
    package static func size(of path: String) throws(FileError) -> Int {
        let file = try open(path, flags: O_RDONLY)
        do {
            return Int(try file.seekToEnd())
        } catch {
            throw FileError("find the end of", path: path, error)
        }
    }

    /// Removes a file; one that is not there is no error.
    package static func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw FileError("remove", path: path)
        }
    }

    /// Makes a folder, with those above it.
    package static func createFolder(_ path: String) throws(FileError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw FileError("make the folder", path: path, error)
        }
    }
}
