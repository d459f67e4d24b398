//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Simulation
import Testing

@Suite struct FaultPlanTests {
    @Test func faultsAreWhatTheFlagsSay() throws {
        var plan = FaultPlan()
        try plan.kill("1@20")
        try plan.kill("coordinator@evaluation:2")
        try plan.stop("2@probe:5:10s")
        try plan.disconnect("0@decision")
        try plan.partition("0,1|2@40:500ms")
        try plan.join("3@export")
        try plan.slow("2=3x")
        #expect(
            plan.faults == [
                Fault(.kill(.worker(1)), at: RunPlace(.fineTune, 20)),
                Fault(.kill(.coordinator), at: RunPlace(.evaluation, 2)),
                Fault(.stop(.worker(2), .seconds(10)), at: RunPlace(.probe, 5)),
                Fault(.disconnect(.worker(0)), at: RunPlace(.decision)),
                Fault(
                    .partition(
                        Partition(left: [.worker(0), .worker(1), .coordinator], right: [.worker(2)]),
                        .milliseconds(500)), at: RunPlace(.fineTune, 40)),
                Fault(.join(.worker(3)), at: RunPlace(.export)),
            ])
        #expect(plan.slowness == [2: 3])
        #expect(plan.lateWorkers == [3])
        try plan.check(workers: 3)
    }

    @Test func aCoordinatorThatIsNamedIsOnItsSide() throws {
        var plan = FaultPlan()
        try plan.partition("0|1,coordinator@7:1s")
        try plan.partition("0,coordinator|1,coordinator@7:1s")
        guard case .partition(let first, _) = plan.faults[0].action,
            case .partition(let second, _) = plan.faults[1].action
        else {
            Issue.record("expected partitions, found \(plan.faults)")
            return
        }
        #expect(first.separates(.worker(0), .coordinator))
        #expect(!first.separates(.worker(1), .coordinator))
        #expect(second.separates(.worker(0), .worker(1)))
        #expect(second.separates(.worker(1), .worker(0)))
        #expect(!second.separates(.coordinator, .worker(0)))
        #expect(!second.separates(.coordinator, .worker(1)))
        #expect(!second.separates(.worker(0), .worker(2)))
    }

    @Test(arguments: [
        "1", "1@", "@20", "x@20", "1@0", "1@-3", "1@nowhere", "1@probe", "1@evaluation:0", "1@evaluation:x", "1@2@3",
    ])
    func whatIsNoFaultIsRefused(_ text: String) {
        var plan = FaultPlan()
        #expect(throws: FaultPlanError.self) { try plan.kill(text) }
    }

    @Test func timesFactorsAndSidesThatAreNoneAreRefused() {
        var plan = FaultPlan()
        #expect(throws: FaultPlanError.self) { try plan.stop("1@20") }
        #expect(throws: FaultPlanError.self) { try plan.stop("1@20:5") }
        #expect(throws: FaultPlanError.self) { try plan.stop("1@20:-5s") }
        #expect(throws: FaultPlanError.self) { try plan.disconnect("coordinator@20") }
        #expect(throws: FaultPlanError.self) { try plan.join("coordinator@20") }
        #expect(throws: FaultPlanError.self) { try plan.partition("0,1@20:5s") }
        #expect(throws: FaultPlanError.self) { try plan.partition("0||1@20:5s") }
        #expect(throws: FaultPlanError.self) { try plan.slow("2=3") }
        #expect(throws: FaultPlanError.self) { try plan.slow("2=0.5x") }
        #expect(throws: FaultPlanError.self) { try plan.slow("coordinator=3x") }
        #expect(throws: FaultPlanError.self) { try plan.link.setBandwidth("1 gigabit") }
        #expect(throws: FaultPlanError.self) { try plan.link.setLatency("5") }
        #expect(plan.faults.isEmpty)
    }

    @Test func rateAndLatencyAreReadInTheirUnits() throws {
        var plan = FaultPlan()
        #expect(!plan.needsProcesses)
        try plan.link.setBandwidth("1gbit")
        #expect(plan.link.bytesPerSecond == 125_000_000)
        try plan.link.setBandwidth("50mbit")
        #expect(plan.link.bytesPerSecond == 6_250_000)
        try plan.link.setLatency("5ms")
        #expect(plan.link.latency == .milliseconds(5))
        #expect(plan.needsProcesses)
    }

    @Test func aPlanNamesOnlyWorkersThatAreThere() throws {
        var plan = FaultPlan()
        try plan.kill("2@20")
        try plan.check(workers: 3)
        #expect(throws: FaultPlanError.self) { try plan.check(workers: 2) }
        try plan.join("2@5")
        try plan.check(workers: 2)
        #expect(throws: FaultPlanError.self) { try plan.check(workers: 3) }
        #expect(throws: FaultPlanError.self) { try plan.join("2@9") }
    }
}
