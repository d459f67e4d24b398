//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import Testing

@Suite("What a supervisor knows of a process")
struct ProcessTranscriptTests {
    private func transcript() -> ProcessTranscript { ProcessTranscript(worker: "w0", incarnation: 3) }

    @Test("each line is a record, whatever pieces it comes in; the end is one too")
    func lines() {
        var transcript = transcript()
        var records = transcript.take(Array("one\ntw".utf8), wallNanoseconds: 1, monotonicNanoseconds: 2)
        records += transcript.take(Array("o\n\nthr\u{FC}ee".utf8), wallNanoseconds: 3, monotonicNanoseconds: 4)
        records += transcript.ended(
            .signal(9), processID: 77, wasAsked: false, wallNanoseconds: 5, monotonicNanoseconds: 6)
        #expect(
            records.map(\.message) == [
                "one", "two", "thr\u{FC}ee", "the process has ended: killed by signal 9 (SIGKILL)",
            ])
        #expect(records.map(\.sequence) == [1, 2, 3, 4])
        #expect(records.allSatisfy { $0.origin == .supervisor && $0.worker == "w0" && $0.incarnation == 3 })
        #expect(records[0].event == "stderr" && records[0].level == .warning)
        #expect(records[3].level == .error && records[3].fields == ["process_id": 77, "asked": false, "signal": 9])
        #expect(transcript.lastLines == ["one", "two", "thr\u{FC}ee"])
    }

    @Test("an end that was wanted, and one without fault, are no errors")
    func harmless() {
        for (ending, wasAsked) in [(ProcessEnding.exit(code: 0), false), (.signal(15), true), (.exit(code: 1), true)] {
            var transcript = transcript()
            let records = transcript.ended(
                ending, processID: 1, wasAsked: wasAsked, wallNanoseconds: 1, monotonicNanoseconds: 1)
            #expect(records.count == 1 && records[0].level == .info)
        }
        var transcript = transcript()
        let failed = transcript.ended(
            .exit(code: 1), processID: 1, wasAsked: false, wallNanoseconds: 1, monotonicNanoseconds: 1)
        #expect(failed[0].level == .error && failed[0].fields["exit_code"] == 1)
    }

    @Test("of many lines the first and the last are kept, and the gap is counted; a long line is cut with a mark")
    func bounded() {
        var transcript = transcript()
        var records: [LogRecord] = []
        for number in 1...5000 {
            records += transcript.take(Array("line \(number)\n".utf8), wallNanoseconds: 1, monotonicNanoseconds: 1)
        }
        #expect(records.count == ProcessTranscript.firstLineLimit)
        let long = [UInt8](repeating: 0x78, count: 3_000_000)
        records += transcript.take(long, wallNanoseconds: 1, monotonicNanoseconds: 1)
        records += transcript.ended(
            .exit(code: 0), processID: 1, wasAsked: false, wallNanoseconds: 1, monotonicNanoseconds: 1)
        let leftOut = 5001 - ProcessTranscript.firstLineLimit - ProcessTranscript.lastLineLimit
        #expect(records[1000].fields == ["count": .integer(leftOut)])
        #expect(records[1001].message == "line \(5000 - ProcessTranscript.lastLineLimit + 2)")
        #expect(records[records.count - 2].message.hasSuffix("… and 2995904 bytes more"))
        #expect(records.map(\.sequence) == (1...UInt64(records.count)).map { $0 })
        #expect(records.count == 1000 + 1 + ProcessTranscript.lastLineLimit + 1)
    }
}
