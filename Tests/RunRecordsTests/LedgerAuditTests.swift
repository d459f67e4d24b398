//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import Testing

@Suite struct LedgerAuditTests {
    /// Two epochs of five examples in batches of two.
    private static let sound: [JournalEvent] = [
        .opened(incarnation: 1), .roster(generation: 1, workers: ["a"]),
        .phaseBegan(phase: "fine-tune", stepCount: 6, exampleCount: 5, stepsPerEpoch: 3),
        .commit(phase: "fine-tune", step: 1, digest: "1", examples: [3, 1]),
        .commit(phase: "fine-tune", step: 2, digest: "2", examples: [0, 4]),
        .commit(phase: "fine-tune", step: 3, digest: "3", examples: [2]),
        .commit(phase: "fine-tune", step: 4, digest: "4", examples: [0, 1]),
        .commit(phase: "fine-tune", step: 5, digest: "5", examples: [4, 2]),
        .commit(phase: "fine-tune", step: 6, digest: "6", examples: [3]),
        .finished(adapterDigest: "ff"),
    ]

    private func audit(_ events: [JournalEvent]) -> LedgerAudit {
        LedgerAudit(
            events.enumerated().map { JournalRecord(sequence: UInt64($0), wallNanoseconds: 0, event: $1) })
    }

    @Test func everyExampleOfEveryEpochOnce() {
        let audit = audit(Self.sound)
        #expect(audit.faults == [])
        #expect(audit.holds)
        #expect(audit.phases.map(\.wholeEpochs) == [2])
        #expect(audit.phases.map(\.uses) == [10])
        #expect(audit.adapterDigest == "ff")
        #expect(audit.lines.last == "every example of every epoch was used exactly once")
    }

    @Test func aStepThatIsCommittedAgainAfterARestartCountsOnce() {
        let again: [JournalEvent] = [.opened(incarnation: 2), Self.sound[2], Self.sound[7]]
        let audit = audit(Array(Self.sound.prefix(8)) + again + Array(Self.sound.suffix(2)))
        #expect(audit.holds, "\(audit.faults)")
        #expect(audit.starts == 2)
    }

    @Test func aRunThatStoppedEarlyHoldsForWhatItUsed() {
        let audit = audit(Array(Self.sound.prefix(8)))
        #expect(audit.holds, "\(audit.faults)")
        #expect(audit.phases.map(\.wholeEpochs) == [1])
        #expect(audit.adapterDigest == nil)
    }

    @Test(
        arguments: [
            // A step is missing.
            (4, nil), (6, nil),
            // Twice, instead of another, out of range, none.
            (4, .commit(phase: "fine-tune", step: 2, digest: "2", examples: [0, 3])),
            (4, .commit(phase: "fine-tune", step: 2, digest: "2", examples: [0, 4, 4])),
            (8, .commit(phase: "fine-tune", step: 6, digest: "6", examples: [5])),
            (8, .commit(phase: "fine-tune", step: 6, digest: "6", examples: [])),
            (8, .commit(phase: "fine-tune", step: 7, digest: "6", examples: [3])),
            // Two facts about one step; a second adapter; a phase that changed.
            (9, .commit(phase: "fine-tune", step: 6, digest: "7", examples: [3])),
            (1, .finished(adapterDigest: "ee")),
            (1, .phaseBegan(phase: "fine-tune", stepCount: 7, exampleCount: 5, stepsPerEpoch: 3)),
            (1, .commit(phase: "probe", step: 1, digest: "1", examples: [1])),
        ] as [(Int, JournalEvent?)])
    func whatIsAmissIsNamed(_ place: Int, _ event: JournalEvent?) {
        var events = Self.sound
        if let event {
            if place == 9 || place == 1 { events.insert(event, at: place) } else { events[place] = event }
        } else {
            events.remove(at: place)
        }
        let audit = audit(events)
        #expect(!audit.holds)
        #expect(audit.lines.contains { $0.hasPrefix("FAULT: ") })
    }

    @Test func anEmptyJournalProvesNothing() {
        #expect(!audit([]).holds)
    }
}
