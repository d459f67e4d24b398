//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// Reads and writes the small files of certificates and keys.
enum CredentialFiles {
    /// More than any chain or key needs; a wrong path to a large file must not fill the memory.
    private static let largestByteCount = 1 << 20

    /// A file's bytes.
    /// - Throws: `.fileUnreadable` with the path.
    static func read(_ path: String) throws -> [UInt8] {
        try read(path, checking: { _ in })
    }

    /// A private key's bytes.
    /// - Throws: `.fileUnreadable`; `.exposedKey` where others than the owner may read or write the file.
    static func readKey(_ path: String) throws -> [UInt8] {
        try read(path) { status in
            let mode = status.st_mode & 0o777
            guard mode & 0o077 == 0 else {
                throw TransportError(
                    .exposedKey,
                    "\(path): a private key with mode \(octal(mode)), expected 0600: other users may read it. "
                        + "If nobody did, `chmod 600 \(path)`; else issue a new one")
            }
        }
    }

    private static func read(_ path: String, checking check: (stat) throws -> Void) throws -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if number < 0 { throw TransportError(.fileUnreadable, "cannot read \(path)", errno: errno) }
        let owned = OwnedDescriptor(owning: number)
        var status = stat()
        if fstat(owned.number, &status) < 0 {
            throw TransportError(.fileUnreadable, "cannot read \(path)", errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= largestByteCount else {
            throw TransportError(
                .fileUnreadable,
                "\(path) is no file of at most \(largestByteCount) bytes: expected PEM (a certificate or a key)")
        }
        try check(status)
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let (count, number) = bytes.withUnsafeMutableBytes { buffer in
                SystemErrors.retrying {
                    Glibc.read(owned.number, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
                }
            }
            if count < 0 { throw TransportError(.fileUnreadable, "cannot read \(path)", errno: number) }
            if count == 0 { break }
            filled += count
        }
        return Array(bytes.prefix(filled))
    }

    /// Writes a new file: to a temporary name, flushed, then linked to its own name, which fails where that exists.
    /// - Parameter mode: Its permissions, whatever the umask.
    /// - Throws: `.fileExists`, `.fileUnwritable`, with the path.
    static func write(_ bytes: [UInt8], toNew path: String, mode: mode_t) throws {
        try write(bytes, to: path, mode: mode, replaces: false)
    }

    /// Writes a file in place of another: to a temporary name, flushed, then renamed.
    /// - Parameter mode: Its permissions, whatever the umask.
    /// - Throws: `.fileUnwritable`, with the path.
    static func write(_ bytes: [UInt8], inPlaceOf path: String, mode: mode_t) throws {
        try write(bytes, to: path, mode: mode, replaces: true)
    }

    private static func write(_ bytes: [UInt8], to path: String, mode: mode_t, replaces: Bool) throws {
        let temporary = "\(path).new-\(getpid())"
        let number = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        if number < 0 { throw TransportError(.fileUnwritable, "cannot write \(temporary)", errno: errno) }
        let owned = OwnedDescriptor(owning: number)
        defer { _ = unlink(temporary) }

        var written = 0
        while written < bytes.count {
            let (count, number) = bytes.withUnsafeBytes { buffer in
                SystemErrors.retrying {
                    Glibc.write(owned.number, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                }
            }
            if count < 0 { throw TransportError(.fileUnwritable, "cannot write \(temporary)", errno: number) }
            written += count
        }
        if fchmod(owned.number, mode) < 0 || fsync(owned.number) < 0 {
            throw TransportError(.fileUnwritable, "cannot write \(temporary)", errno: errno)
        }
        if replaces {
            if rename(temporary, path) < 0 {
                throw TransportError(.fileUnwritable, "cannot write \(path)", errno: errno)
            }
        } else if link(temporary, path) < 0 {
            let number = errno
            if number == EEXIST { throw existing(path) }
            throw TransportError(.fileUnwritable, "cannot write \(path)", errno: number)
        }
        try flushFolder(of: path)
    }

    /// - Throws: `.fileExists` where something has that name, whatever it is.
    static func requireAbsence(of path: String) throws {
        var status = stat()
        if lstat(path, &status) == 0 { throw existing(path) }
    }

    private static func existing(_ path: String) -> TransportError {
        TransportError(
            .fileExists, "\(path) exists and is not overwritten. Move it away, or write somewhere else")
    }

    /// Makes a folder that only its owner may enter, and those above it; one that exists is left as it is.
    /// - Throws: `.fileUnwritable`.
    static func makeFolder(_ path: String) throws {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw TransportError(.fileUnwritable, "\(path) exists and is no folder")
            }
            return
        }
        let parent = folder(of: path)
        if parent != path { try makeFolder(parent) }
        if mkdir(path, 0o700) < 0 {
            let number = errno
            if number != EEXIST { throw TransportError(.fileUnwritable, "cannot make \(path)", errno: number) }
        }
    }

    private static func flushFolder(of path: String) throws {
        let folder = folder(of: path)
        let number = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if number < 0 { throw TransportError(.fileUnwritable, "cannot open \(folder)", errno: errno) }
        let owned = OwnedDescriptor(owning: number)
        if fsync(owned.number) < 0 { throw TransportError(.fileUnwritable, "cannot flush \(folder)", errno: errno) }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func octal(_ mode: mode_t) -> String {
        "0" + String(mode, radix: 8)
    }
}
