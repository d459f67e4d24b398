//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Simulation

/// What is to go wrong in a simulated run.
struct FaultArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Kill a worker or the coordinator at a place: 1@20, coordinator@evaluation.", valueName: "who@where"))
    var kill: [String] = []

    @Option(help: ArgumentHelp("Stop a process at a place for a time: 2@30:10s.", valueName: "who@where:time"))
    var stop: [String] = []

    @Option(help: ArgumentHelp("Reset all of a worker's connections at a place: 1@12.", valueName: "worker@where"))
    var disconnect: [String] = []

    @Option(
        help: ArgumentHelp(
            "Let nothing pass between two sides for a time: 0,1|2@40:5s. The coordinator is on the left side unless it is named; who is named on both sides is reached by both.",
            valueName: "a|b@where:time"))
    var partition: [String] = []

    @Option(help: ArgumentHelp("Start one more worker at a place: 3@10.", valueName: "worker@where"))
    var join: [String] = []

    @Option(help: ArgumentHelp("Make a worker's shards last so many times as long: 2=3x.", valueName: "worker=factor"))
    var slow: [String] = []

    @Option(help: ArgumentHelp("The time from any machine to any other, one way: 5ms.", valueName: "time"))
    var latency: String?

    @Option(help: ArgumentHelp("What a machine's link takes a second: 1gbit.", valueName: "rate"))
    var bandwidth: String?

    func plan() throws -> FaultPlan {
        var plan = FaultPlan()
        do {
            for text in kill { try plan.kill(text) }
            for text in stop { try plan.stop(text) }
            for text in disconnect { try plan.disconnect(text) }
            for text in partition { try plan.partition(text) }
            for text in join { try plan.join(text) }
            for text in slow { try plan.slow(text) }
            if let latency { try plan.link.setLatency(latency) }
            if let bandwidth { try plan.link.setBandwidth(bandwidth) }
        } catch {
            throw ValidationError(error.description)
        }
        return plan
    }
}
