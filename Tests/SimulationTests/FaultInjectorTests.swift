//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Simulation
import Testing

@Suite struct FaultInjectorTests {
    @Test func aFaultIsDueOnceAtItsPlace() throws {
        var plan = FaultPlan()
        try plan.kill("0@2")
        try plan.kill("1@probe:2")
        try plan.disconnect("1@evaluation:2")
        var injector = FaultInjector(plan)
        #expect(injector.take(.committed(phase: "probe", step: 1)) == [])
        #expect(injector.take(.committed(phase: "probe", step: 2)) == [plan.faults[1]])
        #expect(injector.take(.committed(phase: "probe", step: 2)) == [])
        #expect(injector.take(.reached(.evaluation)) == [])
        #expect(injector.take(.committed(phase: "fine-tune", step: 2)) == [plan.faults[0]])
        #expect(injector.left == [plan.faults[2]])
        #expect(injector.take(.reached(.checkpoint)) == [])
        #expect(injector.take(.reached(.evaluation)) == [plan.faults[2]])
        #expect(injector.left.isEmpty)
    }

    @Test func aStepThatIsSkippedDoesNotLoseItsFault() throws {
        var plan = FaultPlan()
        try plan.kill("0@4")
        var injector = FaultInjector(plan)
        #expect(injector.take(.committed(phase: "fine-tune", step: 3)) == [])
        #expect(injector.take(.committed(phase: "fine-tune", step: 6)) == plan.faults)
    }

    @Test func faultsOfOnePlaceComeInTheOrderOfThePlan() throws {
        var plan = FaultPlan()
        try plan.disconnect("0@4")
        try plan.kill("0@4")
        var injector = FaultInjector(plan)
        #expect(injector.take(.committed(phase: "fine-tune", step: 4)) == plan.faults)
    }
}

@Suite struct RestartPolicyTests {
    @Test func aWorkerIsStartedAgainSoManyTimes() {
        var policy = RestartPolicy(limit: 2)
        #expect(policy.pause(afterEndOf: "a", lifetime: .seconds(60)) != nil)
        #expect(policy.pause(afterEndOf: "b", lifetime: .seconds(60)) != nil)
        #expect(policy.pause(afterEndOf: "a", lifetime: .seconds(60)) != nil)
        #expect(policy.pause(afterEndOf: "a", lifetime: .seconds(60)) == nil)
        #expect(policy.pause(afterEndOf: "b", lifetime: .seconds(60)) != nil)
        var never = RestartPolicy(limit: 0)
        #expect(never.pause(afterEndOf: "a", lifetime: .seconds(60)) == nil)
    }

    @Test func oneThatKeepsFailingIsSetAsideForLongerButNotForEver() {
        var policy = RestartPolicy(limit: 100)
        var pauses: [Duration] = []
        for _ in 0..<30 {
            if let pause = policy.pause(afterEndOf: "a", lifetime: .milliseconds(10)) { pauses.append(pause) }
        }
        #expect(pauses.count == 30)
        #expect(pauses.prefix(3) == [.milliseconds(200), .milliseconds(400), .milliseconds(800)])
        #expect(pauses.last == .seconds(60))
        // Once it has lived for a while it is like new.
        #expect(policy.pause(afterEndOf: "a", lifetime: .seconds(30)) == .milliseconds(200))
    }
}
