//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import Testing
import Wire

@Suite("Integers in as few bits as hold a block")
struct PackedIntegersTests {
    /// The format, bit by bit.
    /// - Parameters:
    ///   - width: Nil: the least that holds a block.
    ///   - padding: Whether what is behind the last element is ones.
    private func naive(_ elements: [Int64], width told: Int? = nil, padding: Bool = false) -> [UInt8] {
        stride(from: 0, to: elements.count, by: 256).flatMap { start -> [UInt8] in
            let block = elements[start..<min(start + 256, elements.count)]
            let least = (1...64).first { width in block.allSatisfy { $0 >> (width - 1) == $0 >> 63 } } ?? 64
            let width = told ?? least
            let isNarrow = width <= 32
            let (wordBits, places) = isNarrow ? (32, [0, 2, 4, 6, 1, 3, 5, 7]) : (64, [0, 1, 2, 3])
            let rowCount = (block.count + places.count - 1) / places.count
            var bytes = [UInt8](repeating: 0, count: (rowCount * width + wordBits - 1) / wordBits * 32)
            let behind = padding ? rowCount * places.count - block.count : 0
            for (index, element) in (Array(block) + [Int64](repeating: -1, count: behind)).enumerated() {
                for bit in 0..<width where element >> bit & 1 == 1 {
                    let position = index / places.count * width + bit
                    let inWord = position % wordBits
                    let word = position / wordBits * 32 + places[index % places.count] * wordBits / 8
                    bytes[word + inWord / 8] |= 1 << (inWord % 8)
                }
            }
            return [UInt8(width)] + bytes
        }
    }

    private func pack(_ elements: [Int64]) -> [UInt8] {
        let room = PackedIntegers.byteCounts(elementCount: elements.count)
        var bytes = [UInt8](repeating: 0xA5, count: room.upperBound + 40)
        let count = bytes.withUnsafeMutableBytes { bytes in
            elements.withUnsafeBufferPointer {
                PackedIntegers.pack($0, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<room.upperBound]))
            }
        }
        #expect(bytes[count...].allSatisfy { $0 == 0xA5 }, "\(elements.count) elements: more was written than told")
        return Array(bytes[..<count])
    }

    /// What comes of each block, with how many elements it has and where they belong.
    private func eachBlock(
        _ bytes: UnsafeRawBufferPointer, of elementCount: Int, _ body: (PackedIntegers.Block, Range<Int>) -> Void
    ) throws {
        var start = 0
        for place in stride(from: 0, to: elementCount, by: PackedIntegers.blockElementCount) {
            let count = min(PackedIntegers.blockElementCount, elementCount - place)
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let block = try #require(try PackedIntegers.Block(atFrontOf: rest, elementCount: count))
            #expect(block.elementCount == count)
            body(block, place..<place + count)
            start += block.byteCount
        }
        #expect(start == bytes.count)
    }

    private func unpack(_ bytes: [UInt8], _ elementCount: Int) throws -> [Int64] {
        var elements = [Int64](repeating: 7, count: elementCount + 4)
        try elements.withUnsafeMutableBufferPointer { elements in
            try bytes.withUnsafeBytes { bytes in
                try eachBlock(bytes, of: elementCount) { block, places in
                    let target = (places.lowerBound + 2)..<(places.upperBound + 2)
                    block.unpack(into: UnsafeMutableBufferPointer(rebasing: elements[target]))
                }
            }
        }
        #expect(elements.prefix(2) + elements.suffix(2) == [7, 7, 7, 7])
        return Array(elements[2..<2 + elementCount])
    }

    /// The extremes of a width, then anything that fits.
    private func elements(_ count: Int, width: Int, _ random: inout RandomMessages) -> [Int64] {
        (0..<count).map { index in
            let raw = index == 0 ? Int64.min : index == 1 ? .max : Int64(bitPattern: random.counter())
            return raw >> (64 - width)
        }
    }

    private static let counts = [1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 251, 252, 253, 255, 256, 257, 300, 512, 515, 1000]

    @Test("packed as the format says, and back, at every width", arguments: 1...64)
    func roundTrip(width: Int) throws {
        var random = RandomMessages(seed: UInt64(width))
        for count in Self.counts {
            let elements = elements(count, width: width, &random)
            let bytes = pack(elements)
            #expect(bytes == naive(elements), "\(count) elements")
            #expect(Int(bytes[0]) == width, "\(count) elements")
            #expect(PackedIntegers.byteCounts(elementCount: count).contains(bytes.count), "\(count) elements")
            #expect(try unpack(bytes, count) == elements, "\(count) elements")
        }
    }

    @Test("blocks that are wider than need be, and what is behind their last element, are read all the same")
    func unusual() throws {
        var random = RandomMessages(seed: 6)
        for width in [1, 7, 31, 32, 33, 40, 64] {
            for count in [1, 3, 5, 66, 253, 256, 259] {
                let elements = elements(count, width: max(1, width - 3), &random)
                let bytes = naive(elements, width: width, padding: true)
                #expect(try unpack(bytes, count) == elements, "\(count) elements of \(width) bits")
                var sums = [Int64](repeating: -1, count: count)
                try bytes.withUnsafeBytes { bytes in
                    try sums.withUnsafeMutableBufferPointer { sums in
                        try eachBlock(bytes, of: count) { block, places in
                            let part = UnsafeMutableBufferPointer(rebasing: sums[places])
                            #expect(block.add(to: UnsafeBufferPointer(part), into: part))
                        }
                    }
                }
                #expect(sums == elements.map { $0 &- 1 }, "\(count) elements of \(width) bits")
            }
        }
    }

    @Test("each block has its own width")
    func ownWidths() throws {
        var random = RandomMessages(seed: 5)
        let parts = [3, 40, 64, 1, 29].map { elements(256, width: $0, &random) } + [[-5, 9]]
        let all = Array(parts.joined())
        let bytes = pack(all)
        #expect(bytes.count == parts.reduce(0) { $0 + naive($1).count })
        #expect(bytes == naive(all))
        #expect(try unpack(bytes, all.count) == all)
    }

    @Test("nothing takes no byte; zeros, and ones below zero, take a bit each")
    func zeros() {
        #expect(pack([]).isEmpty)
        #expect(PackedIntegers.byteCounts(elementCount: 0) == 0...0)
        #expect(pack([Int64](repeating: 0, count: 256)).count == 33)
        #expect(pack([Int64](repeating: -1, count: 256)).count == 33)
        #expect(pack([0]).count == PackedIntegers.byteCounts(elementCount: 1).lowerBound)
        #expect(pack([.min]).count == PackedIntegers.byteCounts(elementCount: 1).upperBound)
        let widest = pack([Int64](repeating: .min, count: 600)).count
        #expect(widest == PackedIntegers.byteCounts(elementCount: 600).upperBound)
    }

    @Test("sums, in place and elsewhere, at every width", arguments: 1...64)
    func sums(width: Int) throws {
        var random = RandomMessages(seed: 1000 + UInt64(width))
        for count in Self.counts {
            // Half the range each, so that all fit.
            let received = elements(count, width: max(1, width - 1), &random)
            let own = elements(count, width: 63, &random)
            let expected = zip(received, own).map(+)
            var inPlace = own
            var elsewhere = [Int64](repeating: 7, count: count)
            let bytes = pack(received)
            try bytes.withUnsafeBytes { bytes in
                try inPlace.withUnsafeMutableBufferPointer { inPlace in
                    try eachBlock(bytes, of: count) { block, places in
                        let sums = UnsafeMutableBufferPointer(rebasing: inPlace[places])
                        #expect(block.add(to: UnsafeBufferPointer(sums), into: sums), "\(count) elements")
                    }
                }
                try elsewhere.withUnsafeMutableBufferPointer { elsewhere in
                    try own.withUnsafeBufferPointer { own in
                        try eachBlock(bytes, of: count) { block, places in
                            let fits = block.add(
                                to: UnsafeBufferPointer(rebasing: own[places]),
                                into: UnsafeMutableBufferPointer(rebasing: elsewhere[places]))
                            #expect(fits, "\(count) elements")
                        }
                    }
                }
            }
            #expect(inPlace == expected, "\(count) elements")
            #expect(elsewhere == expected, "\(count) elements")
        }
    }

    @Test("a sum that does not fit is told, wherever it stands", arguments: [Int64.max, .min])
    func overflow(extreme: Int64) throws {
        for count in [1, 2, 3, 5, 255, 256] {
            for place in 0..<count {
                for (addend, fits) in [(extreme.signum(), false), (-extreme.signum(), true), (extreme, false)] {
                    var received = [Int64](repeating: 0, count: count)
                    received[place] = addend
                    var sums = [Int64](repeating: 0, count: count)
                    sums[place] = extreme
                    let bytes = pack(received)
                    try bytes.withUnsafeBytes { bytes in
                        try sums.withUnsafeMutableBufferPointer { sums in
                            try eachBlock(bytes, of: count) { block, _ in
                                #expect(block.add(to: UnsafeBufferPointer(sums), into: sums) == fits)
                            }
                        }
                    }
                    #expect(sums[place] == extreme &+ addend)
                }
            }
        }
    }

    @Test("no byte is read behind a block's last", arguments: [1, 2, 16, 31, 32, 33, 63, 64])
    func endOfMemory(width: Int) throws {
        // Pages, and behind them one that must not be touched.
        let room = 4 * 4096
        let memory = try #require(mmap(nil, room + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        try #require(memory != MAP_FAILED)
        defer { munmap(memory, room + 4096) }
        try #require(mprotect(memory + room, 4096, PROT_NONE) == 0)
        var random = RandomMessages(seed: 2000 + UInt64(width))
        for count in Self.counts {
            let elements = elements(count, width: width, &random)
            let bytes = pack(elements)
            let end = UnsafeMutableRawBufferPointer(start: memory + room - bytes.count, count: bytes.count)
            end.copyBytes(from: bytes)
            var back = [Int64](repeating: 7, count: count)
            var sums = [Int64](repeating: 0, count: count)
            try back.withUnsafeMutableBufferPointer { back in
                try sums.withUnsafeMutableBufferPointer { sums in
                    try eachBlock(UnsafeRawBufferPointer(end), of: count) { block, places in
                        block.unpack(into: UnsafeMutableBufferPointer(rebasing: back[places]))
                        let part = UnsafeMutableBufferPointer(rebasing: sums[places])
                        #expect(block.add(to: UnsafeBufferPointer(part), into: part))
                    }
                }
            }
            #expect(back == elements)
            #expect(sums == elements)
        }
    }

    @Test("a block that is not all there is none, and a width that there is not is refused")
    func broken() throws {
        func block(_ bytes: [UInt8], _ count: Int) throws -> Int? {
            try bytes.withUnsafeBytes { try PackedIntegers.Block(atFrontOf: $0, elementCount: count)?.byteCount }
        }
        let bytes = pack([1, -2, 300])
        for length in 0..<bytes.count {
            #expect(try block(Array(bytes[..<length]), 3) == nil)
        }
        #expect(try block(bytes, 3) == bytes.count)
        #expect(try block(bytes + [1, 2], 3) == bytes.count)
        for width: UInt8 in [0, 65, 255] {
            let error = #expect(throws: WireError.self) { try block([width] + bytes.dropFirst(), 3) }
            #expect(error?.code == .badField)
        }
    }
}
