//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import RunRecords
import Testing

/// Runs a body with the path of a fresh folder, which is removed afterwards.
func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "loradrop-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
}

@Suite("Journal")
struct JournalTests {
    private let events: [JournalEvent] = [
        .opened(incarnation: 1), .roster(generation: 3, workers: ["worker-0", "worker-1"]),
        .phaseBegan(phase: "probe", stepCount: 81, exampleCount: 855, stepsPerEpoch: 27),
        .commit(phase: "probe", step: 81, digest: "ab", examples: [7, 0, .max]),
        .phaseEnded(phase: "probe", step: 81, digest: "ab"),
        .decision(
            JournalDecision(modules: ["a.query", "b.query"], sums: [.max, -1], exponent: -40, kept: ["a.query"])),
        .checkpoint(phase: "fine-tune", step: 10, digest: "cd", folder: "checkpoint-10"),
        .evaluation(phase: "fine-tune", step: 10, metrics: ["accuracy": 0.5, "loss": .infinity]),
        .finished(adapterDigest: "ef"),
    ]

    private func bytes() -> [UInt8] {
        events.enumerated().flatMap { index, event in
            let record = JournalRecord(sequence: UInt64(index), wallNanoseconds: index, event: event)
            return Array((record.line + "\n").utf8)
        }
    }

    @Test("a line ends with the CRC-32 of what stands before it")
    func line() {
        let record = JournalRecord(sequence: 0, wallNanoseconds: 0, event: .opened(incarnation: 1))
        // Checked against zlib.crc32.
        let text = #"{"sequence":0,"time":"1970-01-01T00:00:00.000000000Z","event":"opened","incarnation":1"#
        #expect(record.line == text + #","crc":"bfb0de8c"}"#)
    }

    @Test("every kind of record is read back, also by the next opening")
    func roundTrip() throws {
        let contents = try Journal.contents(of: bytes(), path: "journal.jsonl")
        #expect(contents.records.map(\.event) == events && contents.tornByteCount == 0)
        try withFolder { folder in
            let path = folder + "/journal.jsonl"
            for event in events {
                // A new opening each time, as after crashes.
                let journal = try Journal(path)
                try journal.append(event, wallNanoseconds: 5)
                try journal.flush()
            }
            #expect(try Journal(path).recovered.records.map(\.event) == events)
        }
    }

    @Test("a journal that was cut anywhere keeps its whole records, and goes on behind them")
    func tornTail() throws {
        let bytes = bytes()
        let ends = bytes.indices.filter { bytes[$0] == 0x0A }
        for length in bytes.indices {
            let contents = try Journal.contents(of: Array(bytes[..<length]), path: "journal.jsonl")
            #expect(contents.records.count == ends.count { $0 < length })
            #expect(contents.byteCount + contents.tornByteCount == length)
        }
        try withFolder { folder in
            let path = folder + "/journal.jsonl"
            try Data(bytes.dropLast(7) + [0, 0, 0, 0]).write(to: URL(filePath: path))
            let journal = try Journal(path)
            #expect(journal.recovered.records.count == events.count - 1 && journal.recovered.tornByteCount > 0)
            try journal.append(.finished(adapterDigest: "again"), wallNanoseconds: 5)
            let last = try Journal(path).recovered
            #expect(last.records.last?.event == .finished(adapterDigest: "again") && last.tornByteCount == 0)
            #expect(last.records.map(\.sequence) == Array(0..<UInt64(events.count)))
        }
    }

    @Test("any changed byte before the last record is an error with its line; in the last one it is a torn write")
    func damage() throws {
        let bytes = bytes()
        let lastStart = (bytes.dropLast().lastIndex(of: 0x0A) ?? 0) + 1
        var line = 1
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 0x01
            if place < lastStart - 1 {
                let error = #expect(throws: RecordError.self) {
                    try Journal.contents(of: damaged, path: "journal.jsonl")
                }
                #expect(error?.code == .malformed && error?.line == line)
            } else {
                let contents = try Journal.contents(of: damaged, path: "journal.jsonl")
                // Without the line break between them the last two records are one broken line.
                #expect(contents.records.count == events.count - (place < lastStart ? 2 : 1))
            }
            line += bytes[place] == 0x0A ? 1 : 0
        }
    }

    @Test("a record that is missing or doubled is an error")
    func sequence() {
        let first = JournalRecord(sequence: 0, wallNanoseconds: 0, event: .opened(incarnation: 1)).line + "\n"
        let third = JournalRecord(sequence: 2, wallNanoseconds: 0, event: .opened(incarnation: 2)).line + "\n"
        for text in [first + third, first + first, third] {
            #expect(throws: RecordError.self) { try Journal.contents(of: Array(text.utf8), path: "journal.jsonl") }
        }
    }
}
