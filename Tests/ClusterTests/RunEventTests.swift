//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Testing

@Suite struct RunEventTests {
    @Test(arguments: [
        RunEvent.listening(endpoint: "127.0.0.1:7"), .phaseBegan(phase: "probe", step: 3),
        .committed(phase: "fine-tune", step: 12), .reached(.importance), .reached(.export),
        .logged(event: "worker-lost", message: "worker-1: it closed"),
        .rosterReady(generation: 2, workers: ["a", "b"]),
        .rosterReady(generation: 3, workers: []),
    ])
    func anEventIsReadAsItWasTold(_ event: RunEvent) {
        for waits in [false, true] {
            let told = ToldEvent(nanoseconds: 123_456, waits: waits, event: event)
            #expect(ToldEvent(line: told.line) == told)
        }
    }

    @Test func lineBreaksAndTabsCannotForgeAnEvent() {
        let told = ToldEvent(
            nanoseconds: 1, waits: false, event: .logged(event: "x", message: "a\n1\t?\treached\texport\r\nb"))
        #expect(!told.line.contains("\n"))
        #expect(ToldEvent(line: told.line)?.event == .logged(event: "x", message: "a 1 ? reached export b"))
    }

    @Test(arguments: [
        "", "1", "1\t!", "x\t!\treached\texport", "1\tx\treached\texport", "1\t!\treached\tnowhere",
        "1\t!\tcommitted\tprobe\tx",
    ])
    func whatIsNoEventIsNone(_ line: String) {
        #expect(ToldEvent(line: line) == nil)
    }

    @Test func anOrderIsReadAsItWasGiven() {
        let ended = RunOrder.ended(worker: "worker-1", reason: "killed by signal 9", returns: true)
        #expect(RunOrder(line: RunOrder.goOn.line) == .goOn)
        #expect(RunOrder(line: ended.line) == ended)
        #expect(RunOrder(line: "stop") == nil)
    }
}
