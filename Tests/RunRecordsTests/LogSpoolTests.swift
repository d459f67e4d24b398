//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import RunRecords
import Testing

@Suite("A spool on disk")
final class LogSpoolTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/loradrop-spool-\(UUID().uuidString)"

    deinit {
        // Nothing to remove is no failure.
        _ = try? FileManager.default.removeItem(atPath: folder)
    }

    private func spool(_ incarnation: UInt64, limits: LogSpool.Limits = LogSpool.Limits()) throws -> LogSpool {
        try LogSpool(folder, stream: stream(incarnation), limits: limits)
    }

    private func stream(_ incarnation: UInt64) -> LogStream {
        LogStream(worker: "w0", origin: .process, incarnation: incarnation)
    }

    private func write(_ spool: LogSpool, _ message: String) {
        spool.write(.info, "event", message, wallNanoseconds: 1, monotonicNanoseconds: 2)
    }

    private func messages(_ spool: LogSpool, limit: Int = 100) throws -> [String] {
        try spool.next(limit: limit)?.records.map(\.message) ?? []
    }

    private var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
    }

    @Test("records go out once, again after a rewind, and never after they are acknowledged")
    func once() throws {
        let spool = try spool(7)
        for number in 1...5 { write(spool, "\(number)") }
        #expect(try messages(spool, limit: 3) == ["1", "2", "3"])
        #expect(try messages(spool) == ["4", "5"])
        #expect(try messages(spool) == [])
        #expect(spool.flyingCount == 5)
        try spool.acknowledge(stream(7), 2)
        #expect(spool.flyingCount == 3 && !spool.isDelivered)
        spool.rewind()
        write(spool, "6")
        #expect(try messages(spool) == ["3", "4", "5", "6"])
        try spool.acknowledge(stream(7), 6)
        #expect(spool.isDelivered && spool.byteCount == 0)
        // The file is gone with its records; what follows has one of its own.
        write(spool, "7")
        #expect(try messages(spool) == ["7"])
        #expect(try files == ["process-7-7.jsonl", "process-7.lock"])
    }

    @Test("an acknowledgement of what was never written is an error")
    func acknowledgedTooMuch() throws {
        let spool = try spool(7)
        write(spool, "1")
        #expect(throws: RecordError.self) { try spool.acknowledge(stream(7), 2) }
    }

    @Test("the next start delivers what the one before could not, under its own numbers, and leaves nothing of it")
    func restart() throws {
        do {
            let first = try spool(7)
            for number in 1...3 { write(first, "old \(number)") }
            _ = try messages(first)
            try first.acknowledge(stream(7), 1)
        }
        // The process died in the middle of a line.
        let torn = try FileHandle(forWritingTo: URL(filePath: folder + "/process-7-1.jsonl"))
        try torn.seekToEnd()
        try torn.write(contentsOf: Data("{\"time\":\"2026".utf8))
        try torn.close()

        let second = try spool(8)
        write(second, "new")
        let left = try #require(try second.next(limit: 100))
        #expect(left.stream == stream(7))
        // What was acknowledged to the start before is not known here; the coordinator knows it.
        #expect(left.records.map(\.message) == ["old 1", "old 2", "old 3"])
        #expect(left.records.map(\.sequence) == [1, 2, 3])
        #expect(try messages(second) == ["new"])
        try second.acknowledge(stream(7), 3)
        #expect(try files == ["process-8-1.jsonl", "process-8.lock"])
        try second.acknowledge(stream(8), 1)
        #expect(second.isDelivered)
        // It may come twice.
        try second.acknowledge(stream(7), 3)
    }

    @Test("the records of a start that still runs are left to it")
    func locked() throws {
        let first = try spool(7)
        write(first, "mine")
        let second = try spool(8)
        #expect(try messages(second) == [])
        #expect(throws: RecordError.self) { try spool(7) }
        #expect(try messages(first) == ["mine"])
    }

    @Test("a supervisor's records are delivered by the worker that starts after it has closed them")
    func supervisor() throws {
        let watch = LogStream(worker: "w0", origin: .supervisor, incarnation: 6)
        do {
            let first = try spool(7)
            write(first, "own words")
            let supervisor = try LogSpool(folder, stream: watch, takesLeft: false)
            write(supervisor, "last words")
            #expect(try messages(supervisor) == ["last words"])
            let between = try messages(spool(8))
            #expect(between == [])
            withExtendedLifetime((first, supervisor)) {}
        }
        let next = try spool(9)
        var found: [LogStream: [String]] = [:]
        while let (stream, records) = try next.next(limit: 10) { found[stream] = records.map(\.message) }
        #expect(found == [watch: ["last words"], stream(7): ["own words"]])
    }

    @Test("a full spool drops its oldest file and says which records went with it")
    func overflow() throws {
        let limits = LogSpool.Limits(byteCount: 8000, segmentByteCount: 2000)
        let spool = try spool(7, limits: limits)
        for number in 1...200 { write(spool, "\(number)") }
        #expect(spool.byteCount < 8000 + 2000)
        var arrived: [LogRecord] = []
        while let next = try spool.next(limit: 10) { arrived += next.records }
        let sequences = arrived.map(\.sequence)
        #expect(sequences == sequences.sorted() && Set(sequences).count == sequences.count)
        #expect(arrived.last?.message == "200")
        // Whatever is missing is in a record of what was dropped, or that record itself was dropped later.
        let last = try #require(arrived.last { $0.event == "log-overflow" })
        guard case .text(let first)? = last.fields["first"], case .text(let end)? = last.fields["last"] else {
            Issue.record("no numbers in \(last.fields)")
            return
        }
        #expect(UInt64(end).map { $0 + 1 } == sequences.first)
        #expect(UInt64(first).map { $0 <= UInt64(end) ?? 0 } == true)
        #expect(last.message.contains("were dropped"))
    }

    @Test("what cannot be written is counted, and said as soon as it can")
    func fullDisk() throws {
        let spool = try spool(7)
        let path = folder + "/process-7-1.jsonl"
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
        write(spool, "lost")
        write(spool, "lost too")
        #expect(!spool.isDelivered)
        try FileManager.default.removeItem(atPath: path)
        write(spool, "kept")
        let records = try #require(try spool.next(limit: 10)).records
        #expect(records.map(\.event) == ["log-unwritten", "event"])
        #expect(records.map(\.sequence) == [1, 2])
        #expect(records.first?.fields["count"] == 2)
        #expect(records.first?.message.contains("2 records could not be written") == true)
    }

    @Test("damage in a left file costs the damaged line alone")
    func damaged() throws {
        do {
            let first = try spool(7)
            for number in 1...3 { write(first, "old \(number)") }
        }
        let path = folder + "/process-7-1.jsonl"
        var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        lines[1] = "garbage"
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: false, encoding: .utf8)
        #expect(try messages(spool(8)) == ["old 1", "old 3"])
    }

    @Test("a record is clipped with a mark and never left out")
    func clipped() throws {
        let spool = try spool(7)
        let long = String(repeating: "ä", count: 10_000)
        spool.write(
            .error, "two words\n", long, fields: ["text": .text(long)], wallNanoseconds: -5, monotonicNanoseconds: -1)
        let record = try #require(try spool.next(limit: 1)?.records.first)
        #expect(record.event == "two_words_")
        #expect(record.message.utf8.count <= 8192 && record.message.hasPrefix("ääää"))
        #expect(record.message.hasSuffix(" bytes more") && !record.message.contains("\u{FFFD}"))
        #expect(record.fields == ["clipped_field_bytes": 20_011])
        #expect(record.wallNanoseconds == 0 && record.monotonicNanoseconds == 0)
        #expect(record.clipped() == record)
    }
}
