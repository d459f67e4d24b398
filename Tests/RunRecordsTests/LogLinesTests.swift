//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import RunRecords
import Testing

@Suite("Lines of a log file")
struct LogLinesTests {
    private static func record(_ number: Int) -> LogRecord {
        LogRecord(
            worker: "w\(number % 3)", origin: number % 5 == 0 ? .supervisor : .process, incarnation: 4,
            sequence: UInt64(number), level: LogLevel.allCases[number % 5], wallNanoseconds: number * 1_000_003,
            monotonicNanoseconds: number, event: "event", message: "line \(number) \u{85}ü\"\\",
            fields: ["number": .integer(number)])
    }

    private static let records = (1...40).map(record)
    private static let file = Array(records.map { $0.jsonLine + "\n" }.joined().utf8)

    @Test("however the bytes are cut, the same records come out", arguments: 0..<50)
    func anyCut(seed: UInt64) {
        var generator = Seeded(seed)
        var lines = LogLines("all.jsonl")
        var found: [LogRecord] = []
        var position = 0
        while position < Self.file.count {
            let end = min(Self.file.count, position + Int.random(in: 1...400, using: &generator))
            found += lines.take(Self.file[position..<end])
            position = end
        }
        #expect(found == Self.records)
        #expect(lines.wholeByteCount == Self.file.count && lines.damagedCount == 0)
    }

    @Test("a file cut off anywhere gives its whole lines, and says how far they reach", arguments: 0..<50)
    func torn(seed: UInt64) {
        var generator = Seeded(seed)
        let end = Int.random(in: 0..<Self.file.count, using: &generator)
        var lines = LogLines("all.jsonl")
        let found = lines.take(Self.file[..<end])
        #expect(found == Array(Self.records.prefix(found.count)))
        #expect(lines.damagedCount == 0)
        #expect(lines.wholeByteCount == (Self.file[..<end].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0))
    }

    @Test("changed bytes cost the lines they are in, and nothing else", arguments: 0..<300)
    func damaged(seed: UInt64) {
        var generator = Seeded(seed)
        var bytes = Self.file
        var touched: Set<Int> = []
        for _ in 0..<Int.random(in: 1...12, using: &generator) {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            touched.insert(Self.file[..<place].count { $0 == 0x0A })
            let isBreak = bytes[place] == 0x0A
            bytes[place] = UInt8.random(in: 0...255, using: &generator)
            // A line break that is gone joins two lines.
            if isBreak { touched.insert(Self.file[...place].count { $0 == 0x0A }) }
        }
        var lines = LogLines("all.jsonl")
        let found = lines.take(bytes)
        let untouched = Self.records.indices.filter { !touched.contains($0) }.map { Self.records[$0] }
        var rest = found[...]
        for record in untouched {
            guard let place = rest.firstIndex(of: record) else {
                Issue.record("record \(record.sequence) is lost")
                return
            }
            rest = rest[(place + 1)...]
        }
        // A changed digit makes another record, which no reader can tell from a true one.
        #expect(found.count + lines.damagedCount >= Self.records.count - touched.count)
    }

    @Test("a line without end takes no memory without end, and the next line is read")
    func endless() throws {
        var lines = LogLines("all.jsonl")
        let piece = [UInt8](repeating: 0x61, count: 1 << 18)
        for _ in 0..<20 { #expect(lines.take(piece).isEmpty) }
        #expect(lines.take(Array(("\n" + Self.records[0].jsonLine + "\n").utf8)) == [Self.records[0]])
        #expect(lines.damagedCount == 1)
        #expect(lines.firstDamage?.line == 1)
        #expect(lines.wholeByteCount == 20 << 18 + 1 + Self.records[0].jsonLine.utf8.count + 1)
    }

    @Test("a file that grows is followed, also when its torn last line is replaced")
    func followed() throws {
        let path = FileManager.default.temporaryDirectory.path + "/loradrop-tail-\(UUID().uuidString)"
        defer { _ = try? FileManager.default.removeItem(atPath: path) }
        let tail = LogTail(path)
        #expect(try tail.read() == [])
        let file = try LineFile(appendingTo: path)
        try file.append(Self.records[0].jsonLine)
        #expect(try tail.read() == [Self.records[0]])
        let torn = try FileHandle(forWritingTo: URL(filePath: path))
        try torn.seekToEnd()
        try torn.write(contentsOf: Data("{\"time".utf8))
        #expect(try tail.read() == [])
        let reopened = try LineFile(path, keeping: file.byteCount)
        #expect(try tail.read() == [])
        try reopened.append(lines: Self.records[1...2].map(\.jsonLine))
        #expect(try tail.read() == Array(Self.records[1...2]))
        #expect(tail.damage == nil)
        _ = try LineFile(path, keeping: 0)
        #expect(throws: RecordError.self) { try tail.read() }
    }
}

/// A generator that a test can repeat.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    // SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
