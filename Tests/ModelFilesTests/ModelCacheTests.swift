//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Files
import Foundation
import ModelFiles
import Synchronization
import Testing

@Suite("The cache of models")
struct ModelCacheTests {
    /// The cache's folder of a listing, with what was reported.
    private func fetch(
        _ folder: ModelFolder, _ listing: ModelListing, transfer: (PartialModel) throws -> Void
    ) throws -> (place: String, reports: [String]) {
        var reports: [String] = []
        let place = try ModelCache(folder.cache).folder(of: listing, report: { reports.append($0) }, transfer: transfer)
        return (place, reports)
    }

    @Test("a model is fetched once and has the listing's bytes")
    func once() throws {
        try ModelFolder.with { folder in
            let listing = try folder.listing()
            let first = try fetch(folder, listing) { try folder.fill($0) }
            #expect(first.place == "\(folder.cache)/models/\(listing.digest)" && first.reports.isEmpty)
            #expect(try listing.isIn(first.place))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.cache + "/models").sorted() == [
                    "\(listing.digest)", "\(listing.digest).lock",
                ])
            let second = try fetch(folder, listing) { _ in Issue.record("fetched twice") }
            #expect(second.place == first.place && second.reports.isEmpty)
        }
    }

    @Test("a transfer that was torn after any piece goes on there", arguments: 0..<18)
    func torn(after count: Int) throws {
        try ModelFolder.with { folder in
            let listing = try folder.listing()
            #expect(throws: ModelFolder.Torn.self) { try fetch(folder, listing) { try folder.fill($0, limit: count) } }
            let place = "\(folder.cache)/models/\(listing.digest)"
            #expect(!FileManager.default.fileExists(atPath: place))
            var had = -1
            let end = try fetch(folder, listing) { partial in
                had = partial.receivedByteCount
                try folder.fill(partial)
            }
            // Pieces of 64 bytes of files of 100, 200, 300 and 400 bytes.
            var pieces = 0
            var expected = 0
            for byteCount in listing.files.map(\.byteCount) {
                for start in stride(from: 0, to: byteCount, by: 64) where pieces < count {
                    pieces += 1
                    expected += min(64, byteCount - start)
                }
            }
            #expect(had == expected)
            #expect(end.reports.count == (count == 0 ? 0 : 1))
            #expect(try listing.isIn(end.place))
        }
    }

    @Test("wrong bytes are thrown away with their file, and a whole file is never taken on trust")
    func wrongBytes() throws {
        try ModelFolder.with { folder in
            let listing = try folder.listing()
            #expect(
                code {
                    _ = try fetch(folder, listing) { partial in
                        try folder.fill(partial, change: { $0.count == 64 ? $0 : $0.map { $0 ^ 1 } })
                    }
                } == .wrongBytes)
            let place = "\(folder.cache)/models/\(listing.digest)"
            #expect(try FileManager.default.contentsOfDirectory(atPath: place + ".partial") == [])
            // What another program, or a crash, has left: too long, a folder, the right length with other bytes.
            try AtomicFile.write([UInt8](repeating: 0, count: 100), to: place + ".partial/config.json")
            try AtomicFile.write([UInt8](repeating: 0, count: 999), to: place + ".partial/model-1.safetensors")
            let end = try fetch(folder, listing) { partial in
                #expect(partial.receivedByteCount == 0)
                try folder.fill(partial)
            }
            #expect(try listing.isIn(end.place))
        }
    }

    @Test("a damaged model is fetched again")
    func damaged() throws {
        try ModelFolder.with { folder in
            let listing = try folder.listing()
            let place = try fetch(folder, listing) { try folder.fill($0) }.place
            try AtomicFile.write("{}", to: place + "/config.json")
            let again = try fetch(folder, listing) { try folder.fill($0) }
            #expect(again.reports.contains { $0.contains("damaged") })
            #expect(try listing.isIn(place))
        }
    }

    @Test("of many that want a model at once, one fetches it and the others wait")
    func oneCopy() throws {
        try ModelFolder.with { folder in
            let listing = try folder.listing()
            let fetches = Mutex(0)
            let places = Mutex<Set<String>>([])
            DispatchQueue.concurrentPerform(iterations: 6) { _ in
                do {
                    let place = try ModelCache(folder.cache).folder(of: listing, report: { _ in }) { partial in
                        fetches.withLock { $0 += 1 }
                        try folder.fill(partial)
                    }
                    places.withLock { _ = $0.insert(place) }
                } catch {
                    Issue.record("\(error)")
                }
            }
            #expect(fetches.withLock { $0 } == 1)
            #expect(places.withLock { $0.count } == 1)
        }
    }

    @Test("who waits for a process that does not get on gives up and names the lock")
    func stuck() throws {
        try ModelFolder.with { folder in
            let listing = try folder.listing()
            try SystemFile.createFolder(folder.cache + "/models")
            let path = "\(folder.cache)/models/\(listing.digest).lock"
            let holder = try SystemFile.open(path, flags: O_RDWR | O_CREAT)
            #expect(try SystemFile.lock(holder, path: path))
            let cache = ModelCache(folder.cache, patience: .milliseconds(300))
            let error = #expect(throws: ModelFilesError.self) {
                try cache.folder(of: listing, report: { _ in }) { _ in Issue.record("fetched in spite of the lock") }
            }
            #expect(error?.code == .stuck && error?.message.contains(path) == true)
            withExtendedLifetime(holder) {}
        }
    }

    @Test("a model that cannot fit is refused before it is fetched")
    func noSpace() throws {
        try ModelFolder.with { folder in
            let huge = try ModelListing(
                fingerprint: folder.fingerprint,
                files: [
                    ModelListing.File(name: "config.json", byteCount: 1, digest: Digest(of: [UInt8(1)])),
                    ModelListing.File(name: "model.safetensors", byteCount: 1 << 60, digest: Digest(of: [UInt8(1)])),
                ])
            #expect(code { _ = try fetch(folder, huge) { _ in Issue.record("fetched") } } == .noSpace)
        }
    }

    @Test("the user's folder for caches is where the environment says")
    func defaultFolder() throws {
        #expect(try ModelCache.defaultFolder(["HOME": "/home/a"]) == "/home/a/.cache/loradrop")
        #expect(try ModelCache.defaultFolder(["HOME": "/home/a", "XDG_CACHE_HOME": "/c"]) == "/c/loradrop")
        #expect(try ModelCache.defaultFolder(["HOME": "/h", "XDG_CACHE_HOME": "rel"]) == "/h/.cache/loradrop")
        #expect(code { _ = try ModelCache.defaultFolder([:]) } == .noFolder)
    }
}
