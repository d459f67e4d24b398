//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import RunRecords
import Testing

@Suite("The card of a failure")
struct FailureCardTests {
    private static func record(
        _ worker: String, at time: Int, _ level: LogLevel, _ event: String, _ message: String,
        _ fields: [String: LogValue] = [:], origin: LogOrigin = .process
    ) -> LogRecord {
        LogRecord(
            worker: worker, origin: origin, incarnation: 1, sequence: UInt64(time), level: level,
            wallNanoseconds: time * 1_000_000_000, monotonicNanoseconds: 0, event: event, message: message,
            fields: fields)
    }

    private static func card(
        _ records: [LogRecord], workers: [String], standings: [FailureCard.Standing] = []
    ) -> FailureCard {
        var facts = FailureCard.Facts(failure: "worker-0 is lost in step 12", folder: "runs/x")
        facts.workers = workers
        facts.place = "after step 11 of 40 of the fine-tune"
        facts.hosts = ["worker-0": "alpha", "worker-1": "beta"]
        facts.standings = standings
        for record in records { facts.recent.take(record) }
        return FailureCard(facts)
    }

    @Test("who was killed comes before those who lost a peer by it, whatever came first to the coordinator")
    func killed() {
        let card = Self.card(
            [
                Self.record("worker-1", at: 1, .info, "phase-begins", "fine-tune from step 0"),
                Self.record(
                    "worker-0", at: 2, .error, "worker-failed", "worker-1 closed its link",
                    ["code": "peerLost", "phase": "fine-tune", "step": 12]),
                Self.record("coordinator", at: 3, .error, "run-failing", "worker-0 failed"),
                Self.record("worker-1", at: 4, .warning, "stderr", "last words\u{1B}", origin: .supervisor),
                Self.record(
                    "worker-1", at: 5, .error, "process-ended", "the process has ended: killed by signal 9 (SIGKILL)",
                    ["signal": 9, "asked": false], origin: .supervisor),
                Self.record(
                    "worker-0", at: 6, .error, "process-ended", "the process has ended: exit code 1",
                    ["exit_code": 1, "asked": false], origin: .supervisor),
            ], workers: ["worker-0"],
            standings: [
                FailureCard.Standing(worker: "worker-0", activity: "waited for the sums"),
                FailureCard.Standing(worker: "worker-1", activity: "computed"),
                FailureCard.Standing(worker: "worker-2", activity: "waited for the sums"),
                FailureCard.Standing(worker: "worker-3", activity: "waited for the sums"),
            ])
        #expect(card.worker == "worker-1")
        let text = card.lines.joined(separator: "\n")
        #expect(text.contains("first       worker-1 on beta"))
        #expect(text.contains("why         the process has ended: killed by signal 9 (SIGKILL)"))
        #expect(text.contains("then        worker-0 is lost in step 12"))
        #expect(text.contains("where       after step 11 of 40 of the fine-tune"))
        #expect(text.contains("00:00:04 stderr worker-1: last words\\u{1B}"))
        #expect(text.contains("the others  worker-0, worker-2, worker-3: waited for the sums"))
        #expect(text.contains("to try      nothing but the kernel or a person sends SIGKILL"))
        #expect(text.contains("loradrop logs runs/x --level warning"))
    }

    @Test("a worker's own error names its step; the end of those that are told of the failure is none")
    func ownError() {
        let card = Self.card(
            [
                Self.record(
                    "worker-2", at: 2, .error, "worker-failed", "the gradient of layer 3 is not finite",
                    ["code": "notFinite", "phase": "probe", "step": 7]),
                Self.record("coordinator", at: 3, .error, "run-failing", "worker-2 failed"),
                Self.record(
                    "worker-0", at: 4, .error, "process-ended", "the process has ended: exit code 1",
                    ["exit_code": 1, "asked": false], origin: .supervisor),
            ], workers: ["worker-2"])
        #expect(card.worker == "worker-2")
        let text = card.lines.joined(separator: "\n")
        #expect(text.contains("where       step 7 of the probe"))
        #expect(text.contains("to try      a smaller training.learning_rate"))
    }

    @Test("without a record that tells, the failure itself does")
    func unknown() {
        let card = Self.card([], workers: ["worker-0"])
        #expect(card.worker == "worker-0")
        #expect(card.lines.contains("  why         worker-0 is lost in step 12"))
        #expect(card.lines.contains("  last lines  none arrived"))
        #expect(Self.card([], workers: []).worker == nil)
    }

    @Test("of what is said after a failure, nothing pushes the failure out")
    func recent() {
        var recent = RecentRecords()
        recent.take(Self.record("worker-0", at: 1, .error, "worker-failed", "first"))
        for time in 2...100 { recent.take(Self.record("worker-0", at: time, .info, "e", "later")) }
        #expect(recent.records.first?.message == "first")
        #expect(recent.records.count == 24)
    }
}
