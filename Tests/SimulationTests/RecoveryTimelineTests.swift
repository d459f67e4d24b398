//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Simulation
import Testing

@Suite struct RecoveryTimelineTests {
    private func told(_ milliseconds: Int64, _ event: RunEvent) -> ToldEvent {
        ToldEvent(nanoseconds: milliseconds * 1_000_000, waits: false, event: event)
    }

    private func plan() throws -> FaultPlan {
        var plan = FaultPlan()
        try plan.kill("1@20")
        return plan
    }

    @Test func aRecoveryEndsWithTheNewGenerationsFirstStep() throws {
        let fault = try plan().faults[0]
        var timeline = RecoveryTimeline()
        timeline.take(told(0, .committed(phase: "fine-tune", step: 20)))
        timeline.add(fault, at: 1_000_000)
        // Already reduced when the worker died.
        timeline.take(told(2, .committed(phase: "fine-tune", step: 21)))
        timeline.take(told(5, .logged(event: "worker-lost", message: "worker-1: it closed the connection")))
        timeline.take(told(30, .rosterReady(generation: 2, workers: ["worker-0"])))
        timeline.take(told(41, .committed(phase: "fine-tune", step: 22)))
        timeline.take(told(42, .committed(phase: "fine-tune", step: 23)))
        let recovery = try #require(timeline.recoveries.first)
        #expect(recovery.noticed == 5_000_000)
        #expect(recovery.formed == 30_000_000)
        #expect(recovery.committed == 41_000_000)
        #expect(recovery.seconds == 0.04)
        #expect(timeline.table == "kill\tfine-tune\t0.004000\t0.029000\t0.040000\n")
        let text = timeline.lines.joined(separator: "\n")
        #expect(text.contains("worker-1 is killed"))
        #expect(text.contains("generation 2: worker-0"))
    }

    @Test func aFaultThatNobodyNoticesEndsWithTheNextStep() throws {
        var timeline = RecoveryTimeline()
        timeline.add(try plan().faults[0], at: 0)
        timeline.take(told(3, .committed(phase: "fine-tune", step: 21)))
        timeline.take(told(4, .committed(phase: "fine-tune", step: 22)))
        #expect(timeline.recoveries.first?.seconds == 0.003)
        #expect(timeline.recoveries.first?.noticed == nil)
    }

    @Test func withoutAFurtherStepThereIsNoTime() throws {
        var timeline = RecoveryTimeline()
        timeline.add(try plan().faults[0], at: 0)
        #expect(timeline.recoveries.first?.seconds == nil)
        #expect(timeline.table == "kill\tfine-tune\t-\t-\t-\n")
    }
}
