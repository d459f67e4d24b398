//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import Testing

@Suite("Log records")
struct LogRecordTests {
    private let record = LogRecord(
        worker: "worker-1", incarnation: 2, sequence: 17, level: .warning, wallNanoseconds: 1_767_323_045_000_000_006,
        monotonicNanoseconds: 99, event: "slow_step", message: "step 3 took \"9 s\"\n",
        fields: ["seconds": 9.0, "step": 3, "name": "é\u{85}", "again": true])

    @Test("a record is one line with its keys in a fixed order")
    func line() {
        #expect(
            record.jsonLine
                == #"{"time":"2026-01-02T03:04:05.000000006Z","level":"warning","worker":"worker-1","incarnation":2,"#
                + #""sequence":17,"monotonic_ns":99,"event":"slow_step","message":"step 3 took \"9 s\"\n","#
                + #""fields":{"again":true,"name":"é\u0085","seconds":9.0,"step":3}}"#)
        #expect(record.plainLine == "03:04:05 warning worker-1: step 3 took \"9 s\"\\n")
    }

    @Test("a line gives the record back, whole numbers and others told apart")
    func roundTrip() throws {
        #expect(try LogRecord(jsonLine: record.jsonLine, path: "all.jsonl", number: 1) == record)
        var extreme = record
        extreme.fields = ["a": .integer(.min), "b": .real(5e300), "c": .text("")]
        extreme.sequence = .max
        extreme.wallNanoseconds = -1
        extreme.origin = .supervisor
        #expect(try LogRecord(jsonLine: extreme.jsonLine, path: "all.jsonl", number: 1) == extreme)
    }

    @Test(
        "a line that is no record is an error with file and line", arguments: ["", "{}", "[1]", "{\"time\":\"now\"}"])
    func malformed(line: String) {
        let error = #expect(throws: RecordError.self) { try LogRecord(jsonLine: line, path: "all.jsonl", number: 7) }
        #expect(error?.code == .malformed && error?.description.hasPrefix("all.jsonl:7: ") == true)
    }

    @Test("values travel as an object of plain values, and as nothing else")
    func fields() {
        #expect([String: LogValue](jsonText: record.fields.jsonText) == record.fields)
        #expect([String: LogValue](jsonText: "") == [:])
        for text in ["[]", "{\"a\":[1]}", "{\"a\":null}", "{", "1"] {
            #expect([String: LogValue](jsonText: text) == nil)
        }
    }

    @Test("levels are ordered by how much they matter")
    func levels() {
        #expect(LogLevel.allCases.sorted() == [.trace, .debug, .info, .warning, .error])
    }
}

@Suite("Times as text")
struct TimestampTests {
    @Test(
        "known times",
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999999999Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
        ])
    func known(nanoseconds: Int, text: String) {
        #expect(Timestamp.text(nanoseconds: nanoseconds) == text)
        #expect(Timestamp.nanoseconds(of: text) == nanoseconds)
    }

    @Test("every day of the range that nanoseconds reach is read back")
    func days() {
        for day in -106_000...106_000 {
            let nanoseconds = day * 86_400_000_000_000 + 1
            // Int holds nanoseconds for 292 years around 1970.
            if Timestamp.nanoseconds(of: Timestamp.text(nanoseconds: nanoseconds)) != nanoseconds {
                Issue.record("day \(day)")
            }
        }
    }

    @Test(
        "other texts are no times",
        arguments: [
            "", "2026-01-02", "2026-13-02T03:04:05.000000006Z", "2026-02-29T03:04:05.000000006Z",
            "2026-01-02 03:04:05.000000006Z", "2026-01-02T03:04:60.000000006Z", "+026-01-02T03:04:05.000000006Z",
            "9999-01-02T03:04:05.000000006Z",
        ])
    func refused(text: String) {
        #expect(Timestamp.nanoseconds(of: text) == nil)
    }
}
