//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import Testing

@Suite("Files that are there as a whole or not at all")
struct AtomicFileTests {
    @Test("a file is replaced as a whole, and nothing else is left in the folder")
    func replaced() throws {
        try withFolder { folder in
            let path = folder + "/a.json"
            #expect(try AtomicFile.read(path) == nil)
            try AtomicFile.write("first", to: path)
            try AtomicFile.write([0, 255], to: path)
            #expect(try AtomicFile.read(path) == [0, 255])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.json"])
        }
    }

    @Test("pieces larger and smaller than the buffer come out in their order")
    func pieces() throws {
        try withFolder { folder in
            let pieces = [3, 1 << 20, 5, (1 << 20) + 1, 0, 7].map { count in
                (0..<count).map { UInt8(truncatingIfNeeded: $0 ^ count) }
            }
            try AtomicFile.replace(folder + "/a") { file in
                for (place, piece) in pieces.enumerated() {
                    if place % 2 == 0 {
                        try file.write(piece)
                    } else {
                        try piece.withUnsafeBytes { try file.write($0) }
                    }
                }
            }
            #expect(try AtomicFile.read(folder + "/a") == pieces.flatMap { $0 })
        }
    }

    @Test("a write that fails leaves the old file and no temporary one, and says why")
    func failed() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/a", withIntermediateDirectories: false)
            #expect(throws: FileError.self) { try AtomicFile.write("text", to: folder + "/a") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
            let error = #expect(throws: FileError.self) { try AtomicFile.write("text", to: folder + "/none/b") }
            #expect(error?.number == ENOENT)
            #expect(error?.description.contains(folder + "/none/") == true)
            #expect(throws: FileError.self) { try AtomicFile.read(folder) }
        }
    }

    @Test("a body that throws leaves the old file and no temporary one")
    func stopped() throws {
        struct Stop: Error {}
        try withFolder { folder in
            try AtomicFile.write("old", to: folder + "/text")
            #expect(throws: Stop.self) {
                try AtomicFile.replace(folder + "/text") { file in
                    try file.write(Array("new".utf8))
                    throw Stop()
                }
            }
            #expect(try AtomicFile.read(folder + "/text") == Array("old".utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["text"])
        }
    }

    @Test("a lock is one handle's alone, until the handle is gone")
    func lock() throws {
        try withFolder { folder in
            let path = folder + "/lock"
            let second = try SystemFile.open(path, flags: O_RDWR | O_CREAT)
            do {
                let first = try SystemFile.open(path, flags: O_RDWR)
                #expect(try SystemFile.lock(first, path: path))
                #expect(try !SystemFile.lock(second, path: path))
                withExtendedLifetime(first) {}
            }
            #expect(try SystemFile.lock(second, path: path))
        }
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try SystemFile.createFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }
}
