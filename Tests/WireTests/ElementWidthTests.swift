//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import Testing
import Wire

@Suite("Integers in as few bytes as hold them")
struct ElementWidthTests {
    private func width(_ elements: [Int64]) -> Int {
        elements.withUnsafeBufferPointer { ElementWidth(holding: $0).byteCount }
    }

    @Test("the least width that holds the greatest and the least of its size", arguments: 1...8)
    func least(byteCount: Int) {
        let greatest = Int64.max >> (64 - 8 * byteCount)
        #expect(width([greatest]) == byteCount)
        #expect(width([0, -greatest - 1, 3]) == byteCount)
        if byteCount < 8 {
            #expect(width([greatest + 1]) == byteCount + 1)
            #expect(width([-greatest - 2]) == byteCount + 1)
        }
    }

    @Test("nothing and zeros take one byte")
    func zeros() {
        #expect(width([]) == 1)
        #expect(width([0, 0, -1]) == 1)
    }

    @Test("nothing at all is packed and unpacked", arguments: 1...8)
    func nothing(byteCount: Int) {
        let width = ElementWidth(byteCount: byteCount)
        width.pack(UnsafeBufferPointer(start: nil, count: 0), into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        width.unpack(
            UnsafeRawBufferPointer(start: nil, count: 0), into: UnsafeMutableBufferPointer(start: nil, count: 0))
    }

    @Test("no byte is read beyond the last integer, nor written", arguments: 1...8)
    func endOfMemory(byteCount: Int) throws {
        // A page, and behind it one that must not be touched.
        let page = 4096
        let memory = try #require(mmap(nil, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        try #require(memory != MAP_FAILED)
        defer { munmap(memory, 2 * page) }
        try #require(mprotect(memory + page, page, PROT_NONE) == 0)
        let width = ElementWidth(byteCount: byteCount)
        for count in 0...40 {
            let elements = (0..<Int64(count)).map { $0 % 100 - 50 }
            let end = UnsafeMutableRawBufferPointer(
                start: memory + page - count * byteCount, count: count * byteCount)
            var back = [Int64](repeating: 7, count: count)
            elements.withUnsafeBufferPointer { width.pack($0, into: end) }
            back.withUnsafeMutableBufferPointer { width.unpack(UnsafeRawBufferPointer(end), into: $0) }
            #expect(back == elements)
        }
    }

    @Test("integers are packed as the naive way packs them, come back, and nothing else is touched", arguments: 1...8)
    func roundTrip(byteCount: Int) {
        var random = RandomMessages(seed: UInt64(byteCount))
        let width = ElementWidth(byteCount: byteCount)
        for count in Array(0...40) + [100, 3276] {
            let elements = (0..<count).map { index in
                // The extremes, then anything.
                let raw = index == 0 ? Int64.min : index == 1 ? .max : Int64(bitPattern: random.counter())
                return raw >> (64 - 8 * byteCount)
            }
            let naive = elements.flatMap { element in
                (0..<byteCount).map { UInt8(truncatingIfNeeded: element >> (8 * $0)) }
            }
            // In the middle of other bytes, at any address.
            let before = count % 3
            var bytes = [UInt8](repeating: 0xA5, count: before + naive.count + 40)
            var back = [Int64](repeating: 7, count: count + 4)
            bytes.withUnsafeMutableBytes { bytes in
                let room = UnsafeMutableRawBufferPointer(rebasing: bytes[before..<before + naive.count])
                elements.withUnsafeBufferPointer { width.pack($0, into: room) }
                back.withUnsafeMutableBufferPointer { back in
                    width.unpack(
                        UnsafeRawBufferPointer(room), into: UnsafeMutableBufferPointer(rebasing: back[2..<2 + count]))
                }
            }
            #expect(Array(bytes[before..<before + naive.count]) == naive, "\(count)")
            let others = bytes[..<before] + bytes[(before + naive.count)...]
            #expect(others.allSatisfy { $0 == 0xA5 }, "\(count)")
            #expect(back == [7, 7] + elements + [7, 7], "\(count)")
        }
    }
}
