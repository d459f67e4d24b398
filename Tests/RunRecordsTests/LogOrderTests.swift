//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import Testing

struct LogOrderTests {
    private static func record(_ worker: String, _ sequence: UInt64, at time: Int) -> LogRecord {
        LogRecord(
            worker: worker, incarnation: 1, sequence: sequence, level: .info, wallNanoseconds: time,
            monotonicNanoseconds: 0, event: "e", message: "m")
    }

    @Test("records of several workers are sorted by time, ties as they came")
    func byTime() {
        let records = [Self.record("a", 1, at: 5), Self.record("b", 1, at: 3), Self.record("b", 2, at: 5)]
        #expect(LogOrder.sorted(records) == [records[1], records[0], records[2]])
    }

    @Test("a clock that is set back does not reorder its worker's records")
    func clockSetBack() {
        let records = [
            Self.record("a", 1, at: 10), Self.record("a", 2, at: 4), Self.record("b", 1, at: 6),
            Self.record("a", 3, at: 12),
        ]
        #expect(LogOrder.sorted(records) == [records[2], records[0], records[1], records[3]])
    }
}
