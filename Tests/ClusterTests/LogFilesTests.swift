//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import RunRecords
import Testing
import Wire

@Suite("The log files of a run")
final class LogFilesTests {
    private let folder: RunFolder

    init() {
        folder = RunFolder(FileManager.default.temporaryDirectory.path + "/loradrop-logs-\(UUID().uuidString)")
    }

    deinit {
        // Nothing to remove is no failure.
        _ = try? FileManager.default.removeItem(atPath: folder.path)
    }

    private static let start = 1_700_000_000_000_000_000

    private func batch(
        _ sequences: ClosedRange<UInt64>, incarnation: UInt64 = 5, sentMonotonic: Int = 0, sentWall: Int = start
    ) throws -> LogBatch {
        try LogBatch(
            records: sequences.map { sequence in
                try LogBatch.Record(
                    sequence: sequence, level: .info, monotonicNanoseconds: Int(sequence),
                    wallNanoseconds: Self.start + Int(sequence), event: "event",
                    message: "record \(sequence)", fieldsJSON: #"{"number":\#(sequence)}"#)
            }, incarnation: incarnation, sentMonotonicNanoseconds: sentMonotonic, sentWallNanoseconds: sentWall)
    }

    private func open(incarnation: UInt64 = 2) throws -> LogFiles {
        try LogFiles(folder, incarnation: incarnation, minimum: .info)
    }

    private func records(_ path: String) throws -> [LogRecord] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").enumerated().map { number, line in
            try LogRecord(jsonLine: String(line), path: path, number: number + 1)
        }
    }

    private var order: [String] {
        get throws { try records(folder.mergedLog).map { "\($0.worker) \($0.incarnation) \($0.sequence)" } }
    }

    private func append(_ text: String, to path: String) throws {
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    @Test("each record is written once, however often its batch is sent; the files agree")
    func once() throws {
        let files = try open()
        files.write(.info, "start", "the run begins")
        files.write(.debug, "detail", "nobody asked for this")
        #expect(files.take(try batch(1...3), from: "w0").acknowledgement?.sequence == 3)
        #expect(files.take(try batch(1...3), from: "w0").fresh.isEmpty)
        _ = files.take(try batch(1...2), from: "w1")
        // A batch that was partly written before the link broke.
        #expect(files.take(try batch(2...5), from: "w0").fresh.map(\.sequence) == [4, 5])
        // What is known goes on being acknowledged.
        #expect(files.take(try batch(1...1), from: "w0").acknowledgement?.sequence == 5)
        // A worker that was started again counts from 1.
        let again = files.take(try batch(1...1, incarnation: 6), from: "w0")
        #expect(again.acknowledgement?.sequence == 1 && again.acknowledgement?.incarnation == 6)
        files.write(.error, "end", "the run ends")
        #expect(files.failure == nil)

        #expect(
            try order == [
                "coordinator 2 1", "w0 5 1", "w0 5 2", "w0 5 3", "w1 5 1", "w1 5 2", "w0 5 4", "w0 5 5", "w0 6 1",
                "coordinator 2 2",
            ])
        let merged = try records(folder.mergedLog)
        #expect(merged[1].fields == ["number": 1])
        for worker in ["coordinator", "w0", "w1"] {
            #expect(try records(folder.log(ofWorker: worker)) == merged.filter { $0.worker == worker })
        }
    }

    @Test("a coordinator that is started again knows what is written, and mends what a crash left")
    func restart() throws {
        let first = try open()
        first.write(.info, "start", "the run begins")
        _ = first.take(try batch(1...4), from: "w0")
        // The crash came between the two files, and in the middle of a line.
        let own = folder.log(ofWorker: "w0")
        let lines = try String(contentsOfFile: own, encoding: .utf8).split(separator: "\n")
        try (lines[0] + "\n" + lines[1].prefix(20)).write(toFile: own, atomically: false, encoding: .utf8)
        try append("{\"time\":\"2026-01-02T", to: folder.mergedLog)

        let second = try open(incarnation: 3)
        #expect(second.take(try batch(3...6), from: "w0").fresh.map(\.sequence) == [5, 6])
        let merged = try records(folder.mergedLog)
        let ofWorker = merged.filter { $0.worker == "w0" }
        #expect(ofWorker.map(\.sequence) == Array(1...6))
        #expect(try records(own) == ofWorker)
        let notes = merged.filter { $0.event == "log-recovered" }
        #expect(notes.count == 3 && notes.allSatisfy { $0.incarnation == 3 && $0.level == .warning })
        #expect(notes.contains { $0.message.contains("3 records were missing in the file of w0") })
    }

    @Test("what cannot be written is not acknowledged, is in no file, and is taken later")
    func fullDisk() throws {
        do {
            let files = try open()
            let own = folder.log(ofWorker: "w0")
            try FileManager.default.createSymbolicLink(atPath: own, withDestinationPath: "/dev/full")
            let refused = files.take(try batch(1...3), from: "w0")
            #expect(refused.acknowledgement == nil && refused.fresh.isEmpty)
            #expect(files.failure?.contains("w0.jsonl") == true)
            #expect(try records(folder.mergedLog).isEmpty)
            // Another worker's file is none the worse for it.
            #expect(files.take(try batch(1...1), from: "w1").acknowledgement != nil)
            try FileManager.default.removeItem(atPath: own)
        }
        let files = try open(incarnation: 3)
        #expect(files.take(try batch(1...3), from: "w0").acknowledgement?.sequence == 3)
        #expect(try order == ["w1 5 1", "w0 5 1", "w0 5 2", "w0 5 3"])
    }

    @Test("the coordinator's own records wait for the disk, and what is lost is counted")
    func backlog() throws {
        let files = try open()
        let own = folder.log(ofWorker: "coordinator")
        try FileManager.default.createSymbolicLink(atPath: own, withDestinationPath: "/dev/full")
        for number in 1...300 { files.write(.info, "e", "\(number)") }
        #expect(files.failure != nil)
        #expect(try records(folder.mergedLog).isEmpty)
    }

    @Test("times are those of the coordinator's clock, whatever the worker's says")
    func corrected() throws {
        let files = try open()
        files.linkEstablished("w0", incarnation: 5)
        // Its clocks are far behind: it has just been switched on, and its date is years ago.
        _ = files.take(try batch(1...3, sentMonotonic: 1_000_003, sentWall: Self.start + 2_000_000), from: "w0")
        // Of an earlier start only the wall clock says something.
        _ = files.take(
            try batch(7...7, incarnation: 4, sentMonotonic: 1_000_003, sentWall: Self.start + 2_000_007), from: "w0")
        files.write(.info, "now", "now")
        let records = try records(folder.mergedLog)
        let now = records[4].wallNanoseconds
        for (place, behind) in [(0, 1_000_002), (1, 1_000_001), (2, 1_000_000), (3, 2_000_000)] {
            let off = now - behind - records[place].wallNanoseconds
            #expect((0...60_000_000_000).contains(off), "record \(place) is off by \(off) ns")
        }
        #expect(records[0].wallNanoseconds < records[1].wallNanoseconds)
        #expect(records.prefix(3).map(\.monotonicNanoseconds) == [1, 2, 3])
    }

    @Test("a worker's text of values that is none is kept as it came")
    func strangeFields() throws {
        let files = try open()
        let record = try LogBatch.Record(
            sequence: 1, level: .info, monotonicNanoseconds: 0, wallNanoseconds: 0, event: "e", message: "m",
            fieldsJSON: "[1]")
        let batch = try LogBatch(
            records: [record], incarnation: 1, sentMonotonicNanoseconds: 0, sentWallNanoseconds: 0)
        #expect(files.take(batch, from: "w0").fresh.first?.fields == ["unreadable_fields": "[1]"])
    }
}
