//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Digests
import Files
import Foundation

/// The files that make up a base model, as one host has them and another may fetch them.
package struct ModelListing: Hashable, Sendable {
    /// One file.
    package struct File: Hashable, Sendable {
        package let name: String
        /// How long it is, in bytes.
        package let byteCount: Int
        /// SHA-256 of its bytes.
        package let digest: Digest

        package init(name: String, byteCount: Int, digest: Digest) {
            self.name = name
            self.byteCount = byteCount
            self.digest = digest
        }
    }

    /// The identity of the model's weights, however they are cut into files.
    package let fingerprint: Digest
    /// In the order of their names.
    package let files: [File]

    /// - Throws: `ModelFilesError` with code `badListing` where a file is none of a model's, comes twice or is missing.
    package init(fingerprint: Digest, files: [File]) throws(ModelFilesError) {
        let files = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for file in files where !Self.isAllowed(file.name) || file.byteCount < 1 {
            throw ModelFilesError(
                .badListing,
                "expected \(Self.configuration), \(Self.index) and .safetensors files, found \"\(file.name)\" of "
                    + "\(file.byteCount) bytes")
        }
        for (file, next) in zip(files, files.dropFirst()) where file.name == next.name {
            throw ModelFilesError(.badListing, "\(file.name) comes twice")
        }
        guard files.contains(where: { $0.name == Self.configuration }),
            files.contains(where: { $0.name.hasSuffix(Self.weightsEnding) })
        else {
            throw ModelFilesError(
                .badListing,
                "expected \(Self.configuration) and at least one \(Self.weightsEnding) file, found "
                    + files.map(\.name).joined(separator: ", "))
        }
        self.fingerprint = fingerprint
        self.files = files
    }

    /// Reads the files of a folder.
    /// - Parameter weights: The names of the files with the weights, and of their index if there is one.
    package init(folder: String, weights: [String], fingerprint: Digest) throws {
        var files: [File] = []
        for name in [Self.configuration] + weights {
            let path = folder + "/" + name
            let digest = try Digest(ofFile: path)
            files.append(File(name: name, byteCount: try Self.byteCount(of: path) ?? 0, digest: digest))
        }
        try self.init(fingerprint: fingerprint, files: files)
    }

    /// All files together, in bytes.
    package var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

    /// Identifies the fingerprint and every file's name, length and bytes: what a cache calls the model.
    package var digest: Digest {
        var hash = SHA256()
        hash.update(fingerprint.bytes)
        for file in files {
            hash.update([UInt64(file.name.utf8.count), UInt64(file.byteCount)])
            hash.update(file.name)
            hash.update(file.digest.bytes)
        }
        return hash.finish()
    }

    /// Whether a folder has exactly these files' bytes under these names; it reads all of them.
    package func isIn(_ folder: String) throws -> Bool {
        for file in files {
            let path = folder + "/" + file.name
            guard try Self.byteCount(of: path) == file.byteCount, try Digest(ofFile: path) == file.digest else {
                return false
            }
        }
        return true
    }

    /// The length of a file, in bytes; nil where there is none, or something else.
    static func byteCount(of path: String) throws(FileError) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw FileError("look at", path: path)
        }
        return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// The model's shape.
    package static let configuration = "config.json"
    private static let index = "model.safetensors.index.json"
    private static let weightsEnding = ".safetensors"

    /// Names come from the network: only those of a model's files, and none that leads out of a folder.
    private static func isAllowed(_ name: String) -> Bool {
        if name == configuration || name == index { return true }
        return name.hasSuffix(weightsEnding) && !name.hasPrefix(".") && !name.contains("/") && !name.utf8.contains(0)
    }
}
