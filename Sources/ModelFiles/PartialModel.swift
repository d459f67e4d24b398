//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
import Foundation

/// A model on its way into a cache: a folder with what has come so far.
///
/// What a torn transfer, or an ended process, has left there is the beginning of the next one. A file counts as whole
/// only once its digest is right. One thread owns it, and the folder is its own by the cache's lock.
package final class PartialModel {
    package let listing: ModelListing
    package let folder: String
    /// How much of each file has come, in bytes.
    private var received: [Int]
    private var open: (file: Int, handle: FileHandle)?

    /// Takes up what is in `folder`, which is made if there is none.
    init(_ listing: ModelListing, in folder: String) throws {
        self.listing = listing
        self.folder = folder
        received = listing.files.map { _ in 0 }
        try SystemFile.createFolder(folder)
        for (place, file) in listing.files.enumerated() {
            let path = path(of: place)
            guard let byteCount = try ModelListing.byteCount(of: path), byteCount <= file.byteCount else {
                try remove(place)
                continue
            }
            received[place] = byteCount
            if byteCount == file.byteCount, try Digest(ofFile: path) != file.digest {
                try remove(place)
            }
        }
        try requireSpace()
    }

    /// How much has come, in bytes.
    package var receivedByteCount: Int { received.reduce(0, +) }

    /// How much is still to come, piece by piece in the order in which `append` takes them; none of more than `limit`
    /// bytes.
    package func missingPieces(ofAtMost limit: Int) -> [(file: Int, offset: Int, byteCount: Int)] {
        var pieces: [(file: Int, offset: Int, byteCount: Int)] = []
        for (file, listed) in listing.files.enumerated() {
            for offset in stride(from: received[file], to: listed.byteCount, by: limit) {
                pieces.append((file, offset, min(limit, listed.byteCount - offset)))
            }
        }
        return pieces
    }

    package var isWhole: Bool { zip(listing.files, received).allSatisfy { $0.byteCount == $1 } }

    /// Adds bytes at the end of what has come of a file; the last ones bring its digest to the test.
    /// - Throws: `ModelFilesError` with `wrongBytes` if the file is not the listed one, in which case all of it has to
    ///   come again, or `noSpace`; `FileError`.
    package func append(_ bytes: [UInt8], to file: Int) throws {
        let listed = listing.files[file]
        precondition(
            received[file] + bytes.count <= listed.byteCount,
            "\(received[file]) + \(bytes.count) of \(listed.byteCount) bytes of \(listed.name)")
        try write(bytes, to: file)
        received[file] += bytes.count
        guard received[file] == listed.byteCount else { return }
        try close()
        let found = try Digest(ofFile: path(of: file))
        guard found == listed.digest else {
            try remove(file)
            throw ModelFilesError(
                .wrongBytes,
                "\(listed.name): expected the SHA-256 \(listed.digest), found \(found); what has come of it is thrown away"
            )
        }
    }

    /// Returns once everything is on the disk.
    func close() throws {
        guard let (_, handle) = open else { return }
        open = nil
        do {
            try handle.synchronize()
            try handle.close()
        } catch {
            throw FileError("flush to the disk", path: folder, error)
        }
    }

    private func path(of file: Int) -> String { folder + "/" + listing.files[file].name }

    private func remove(_ file: Int) throws(FileError) {
        received[file] = 0
        guard unlink(path(of: file)) == 0 || errno == ENOENT else { throw FileError("remove", path: path(of: file)) }
    }

    private func write(_ bytes: [UInt8], to file: Int) throws {
        let path = path(of: file)
        if open?.file != file {
            try close()
            let handle = try SystemFile.open(path, flags: O_WRONLY | O_CREAT | O_NOFOLLOW)
            open = (file, handle)
        }
        guard let (_, handle) = open else { return }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                pwrite(
                    handle.fileDescriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written,
                    off_t(received[file] + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = FileError("write", path: path)
                guard [ENOSPC, EDQUOT, EFBIG].contains(error.number) else { throw error }
                throw ModelFilesError(
                    .noSpace,
                    "\(error): \(receivedByteCount) of \(listing.byteCount) bytes have come and stay; free space there, or "
                        + "give another folder with --cache")
            }
            written += count
        }
    }

    /// What cannot fit is said before it is fetched.
    private func requireSpace() throws {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { throw FileError("look at the free space", path: folder) }
        let (product, overflows) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        let free = overflows ? Int.max : Int(clamping: product)
        let needed = listing.byteCount - receivedByteCount
        guard needed <= free else {
            throw ModelFilesError(
                .noSpace,
                "\(folder): \(needed) bytes of the model are to come, \(free) are free; free space there, or give another "
                    + "folder with --cache")
        }
    }
}
