//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import Testing

@Suite("An audit of the log")
struct LogAuditTests {
    private static func record(
        _ worker: String, _ incarnation: UInt64, _ sequence: UInt64, _ event: String = "e",
        _ fields: [String: LogValue] = [:]
    ) -> LogRecord {
        LogRecord(
            worker: worker, incarnation: incarnation, sequence: sequence, level: .info, wallNanoseconds: 0,
            monotonicNanoseconds: 0, event: event, message: "m", fields: fields)
    }

    private static func problems(_ records: [LogRecord], spooled: [LogRecord] = []) -> [String] {
        var audit = LogAudit()
        for record in records { audit.take(record) }
        for record in spooled { audit.takeSpooled(record) }
        return audit.problems
    }

    private static func overflow(_ sequence: UInt64, _ first: Int, _ last: Int) -> LogRecord {
        record(
            "w0", 2, sequence, "log-overflow",
            [
                "stream_origin": "process", "stream_incarnation": "1", "first": .text("\(first)"),
                "last": .text("\(last)"),
            ])
    }

    @Test("every record once is right, whatever lies between")
    func right() {
        let records = [
            Self.record("w0", 1, 1), Self.record("w1", 1, 1), Self.record("w0", 1, 2), Self.record("w0", 2, 1),
        ]
        #expect(Self.problems(records, spooled: [Self.record("w0", 1, 2)]) == [])
    }

    @Test("doubled, missing and undelivered records are named")
    func wrong() {
        #expect(
            Self.problems([Self.record("w0", 1, 1), Self.record("w0", 1, 1)])
                == ["record 1 of w0, start 1 comes after record 1"])
        #expect(
            Self.problems([Self.record("w0", 1, 2), Self.record("w0", 1, 5)])
                == ["records 1 to 1 of w0, start 1 are missing", "records 3 to 4 of w0, start 1 are missing"])
        #expect(
            Self.problems([Self.record("w0", 1, 1)], spooled: [Self.record("w0", 1, 3)])
                == ["records 2 to 3 of w0, start 1 are in a spool and not in the log"])
    }

    @Test("what a full spool dropped is explained by its record, and nothing beyond it")
    func overflow() {
        let records = [Self.record("w0", 1, 10), Self.overflow(1, 1, 4), Self.overflow(2, 5, 9)]
        #expect(Self.problems(records) == [])
        #expect(Self.problems(Array(records.dropLast())) == ["records 5 to 9 of w0, start 1 are missing"])
    }
}
