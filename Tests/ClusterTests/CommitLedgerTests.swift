//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import RunRecords
import Testing

@Suite("Commits")
struct CommitLedgerTests {
    private let records = [
        JournalRecord(sequence: 0, wallNanoseconds: 1, event: .commit(phase: "probe", step: 1, digest: "aa")),
        JournalRecord(sequence: 1, wallNanoseconds: 2, event: .phaseBegan(phase: "fine-tune", stepCount: 5)),
        JournalRecord(sequence: 2, wallNanoseconds: 3, event: .commit(phase: "fine-tune", step: 1, digest: "bb")),
    ]

    @Test("A redo that reproduces a committed step is no new fact; a further step is")
    func redo() throws {
        var ledger = CommitLedger(records)
        #expect(try ledger.take(phase: "probe", step: 1, digest: "aa") == false)
        #expect(try ledger.take(phase: "fine-tune", step: 2, digest: "cc") == true)
        #expect(try ledger.take(phase: "fine-tune", step: 2, digest: "cc") == false)
    }

    @Test("A redo of other examples is refused")
    func otherExamples() throws {
        var ledger = CommitLedger([])
        #expect(try ledger.take(phase: "probe", step: 1, digest: "aa", examples: [4, 2]) == true)
        #expect(try ledger.take(phase: "probe", step: 1, digest: "aa", examples: [4, 2]) == false)
        let error = #expect(throws: ClusterError.self) {
            try ledger.take(phase: "probe", step: 1, digest: "aa", examples: [4, 3])
        }
        #expect(error?.message.contains("other examples") == true)
    }

    @Test("A redo with another state is refused, and the fact stays")
    func deviation() throws {
        var ledger = CommitLedger(records)
        let error = #expect(throws: ClusterError.self) {
            try ledger.take(phase: "fine-tune", step: 1, digest: "aa")
        }
        #expect(error?.code == .runFailed)
        #expect(error?.message.contains("step 1 of the fine-tune") == true)
        #expect(try ledger.take(phase: "fine-tune", step: 1, digest: "bb") == false)
    }
}
