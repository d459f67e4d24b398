//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
import Foundation

/// Base models that were fetched, on this host's disk: one folder a model, named by the SHA-256 of its listing.
///
/// A folder of that name is whole. Beside it are a `.partial` folder while the model is on its way, and a `.lock` file that
/// makes one process of the host fetch it while the others wait.
package struct ModelCache: Sendable {
    package let folder: String
    /// How long another process may fetch without getting on before waiting for it is given up.
    private let patience: Duration

    package init(_ folder: String, patience: Duration = .seconds(120)) {
        self.folder = folder
        self.patience = patience
    }

    /// `loradrop` in the user's folder for caches: `$XDG_CACHE_HOME`, or `~/.cache`.
    /// - Throws: `ModelFilesError` with code `noFolder` where the environment names neither.
    package static func defaultFolder(_ environment: [String: String]) throws(ModelFilesError) -> String {
        // The XDG specification: a relative path is to be ignored.
        if let caches = environment["XDG_CACHE_HOME"], caches.hasPrefix("/") { return caches + "/loradrop" }
        guard let home = environment["HOME"], home.hasPrefix("/") else {
            throw ModelFilesError(
                .noFolder, "neither XDG_CACHE_HOME nor HOME is set: say with --cache where fetched models are kept")
        }
        return home + "/.cache/loradrop"
    }

    /// The folder of a listed model: as it is there, or made by `transfer`, or by another process in the meantime.
    ///
    /// Either way every file's digest was tested in this call.
    /// - Parameters:
    ///   - report: Told what takes its time.
    ///   - transfer: Appends what is missing, all of it.
    /// - Throws: `ModelFilesError`, `FileError`, or what `transfer` throws; what has come by then stays for the next time.
    package func folder(
        of listing: ModelListing, report: (String) -> Void, transfer: (PartialModel) throws -> Void
    ) throws -> String {
        let place = "\(folder)/models/\(listing.digest)"
        if try isReady(listing, in: place) { return place }
        try SystemFile.createFolder(folder + "/models")
        let lock = try lock(place, report: report)
        defer { withExtendedLifetime(lock) {} }
        if try isReady(listing, in: place) { return place }
        if FileManager.default.fileExists(atPath: place) {
            report("\(place) is damaged: fetching the model again")
            try remove(place)
        }
        let partial = try PartialModel(listing, in: place + ".partial")
        if partial.receivedByteCount > 0 {
            report("\(partial.receivedByteCount) of \(listing.byteCount) bytes are there from an earlier transfer")
        }
        try transfer(partial)
        precondition(partial.isWhole, "a transfer ended with \(partial.receivedByteCount) bytes")
        try partial.close()
        try SystemFile.synchroniseFolder(partial.folder)
        try SystemFile.rename(partial.folder, to: place)
        try SystemFile.synchroniseFolder(folder + "/models")
        return place
    }

    private func isReady(_ listing: ModelListing, in place: String) throws -> Bool {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder), isFolder.boolValue else {
            return false
        }
        return try listing.isIn(place)
    }

    private func remove(_ place: String) throws(FileError) {
        do {
            try FileManager.default.removeItem(atPath: place)
        } catch {
            throw FileError("remove", path: place, error)
        }
    }

    /// Waits for the right to fetch a model.
    private func lock(_ place: String, report: (String) -> Void) throws -> FileHandle {
        let path = place + ".lock"
        let file = try SystemFile.open(path, flags: O_RDWR | O_CREAT)
        if try SystemFile.lock(file, path: path) { return file }
        report("another process of this host is fetching the model: waiting for it")
        var seen = -1
        var deadline = ContinuousClock.now + patience
        while try !SystemFile.lock(file, path: path) {
            let found = try byteCount(in: place + ".partial")
            if found != seen {
                seen = found
                deadline = ContinuousClock.now + patience
            }
            guard ContinuousClock.now < deadline else {
                throw ModelFilesError(
                    .stuck,
                    "\(path) is locked by another process that has not got on with the model for \(patience); end that "
                        + "process (fuser \(path)) and start this one again")
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
        return file
    }

    private func byteCount(in place: String) throws -> Int {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: place) else { return 0 }
        return try names.reduce(0) { $0 + (try ModelListing.byteCount(of: place + "/" + $1) ?? 0) }
    }
}
