//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Foundation
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    @Test("The known answers of FIPS 180-4")
    func knownAnswers() {
        #expect(
            Digest(of: [UInt8]()).description == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            Digest(of: Array("abc".utf8)).description
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test("Pieces give the sum of the whole")
    func pieces() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for cut in [0, 1, 63, 64, 65, 999, 1000] {
            var hash = SHA256()
            hash.update(Array(bytes[..<cut]))
            hash.update(Array(bytes[cut...]))
            #expect(hash.finish() == Digest(of: bytes))
        }
    }

    @Test("A file's sum is that of its bytes, however many pieces it is read in")
    func file() throws {
        let path = NSTemporaryDirectory() + "/digest-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        for count in [0, 1, 1 << 20, (5 << 19) + 3] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            #expect(try Digest(ofFile: path) == Digest(of: bytes))
        }
        #expect(throws: (any Error).self) { try Digest(ofFile: path + "/none") }
    }
}
