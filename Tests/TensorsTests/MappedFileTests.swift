//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
import Tensors
import Testing

struct MappedFileTests {
    /// Bytes of a mapping of this file that are in this process' memory, as the kernel counts them.
    private func residentBytes(of path: String) throws -> Int {
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        var isInside = false
        var bytes = 0
        let maps = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/smaps")).readToEnd() ?? Data()
        for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.contains("-"), !words[0].hasSuffix(":") {
                isInside = line.hasSuffix(" " + resolved)
            } else if isInside, words[0] == "Rss:", let kilobytes = Int(words[1]) {
                bytes += kilobytes << 10
            }
        }
        return bytes
    }

    @Test("pages that are let go of leave memory and can be read again")
    func letGo() throws {
        try withFolder { folder in
            let path = folder + "/bytes"
            let page = Int(sysconf(Int32(_SC_PAGESIZE)))
            let bytes = (0..<64 * page + 5).map { UInt8(truncatingIfNeeded: $0 / 3) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let file = try MappedFile(path: path)
            func read() -> Bool { file.withBytes(in: 0..<file.count) { $0.elementsEqual(bytes) } }

            #expect(read())
            #expect(try residentBytes(of: path) >= 64 * page)
            // Not a whole page lies in the first range; the second leaves the pages at its ends.
            file.letGo(of: 1..<page)
            #expect(try residentBytes(of: path) >= 64 * page)
            file.letGo(of: 1..<40 * page + 1)
            #expect(try residentBytes(of: path) <= 26 * page)
            #expect(read())
            file.letGo(of: 0..<file.count)
            #expect(try residentBytes(of: path) <= page)
            #expect(read())
        }
    }
}
