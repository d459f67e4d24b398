//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// A file's bytes, mapped read-only: all processes of a machine share one copy, and nothing is read before its use.
///
/// A file that is shortened while it is mapped ends the process with SIGBUS when the lost part is read; the files
/// here are model weights, which nobody rewrites in place.
///
/// `@unchecked Sendable`: the stored properties never change and the bytes are never written.
package final class MappedFile: @unchecked Sendable {
    package let path: String
    /// How many bytes there are.
    package let count: Int
    let base: UnsafeRawPointer

    /// Maps the file at `path`.
    /// - Throws: `TensorFileError` with code `inputOutput`, naming the path and the operating system's reason.
    package init(path: String) throws(TensorFileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TensorFileError(.inputOutput, "\(path) cannot be opened: \(Self.reason())")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw TensorFileError(.inputOutput, "\(path) cannot be examined: \(Self.reason())")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TensorFileError(.inputOutput, "\(path) is expected to be a file, but is not a regular one")
        }
        self.path = path
        count = Int(status.st_size)
        // An empty file cannot be mapped; one page of nothing stands for it.
        let length = max(count, 1)
        let flags = count == 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE
        let mapped = mmap(nil, length, PROT_READ, flags, count == 0 ? -1 : descriptor, 0)
        guard let mapped, mapped != MAP_FAILED else {
            throw TensorFileError(.inputOutput, "\(path), \(count) bytes, cannot be mapped: \(Self.reason())")
        }
        base = UnsafeRawPointer(mapped)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: base), max(count, 1))
    }

    /// Calls `body` with the bytes of `range`.
    package func withBytes<Result>(
        in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of \(path), which has \(count)")
        return try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
        }
    }

    /// Lets go of the whole pages in `range`: they leave this process' memory, and reading them maps them again.
    ///
    /// It is advice: pages that are locked stay.
    package func letGo(of range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of \(path), which has \(count)")
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        guard start < end else { return }
        withExtendedLifetime(self) {
            _ = madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
