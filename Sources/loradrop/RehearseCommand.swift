//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Foundation
import Rehearsal

/// Rehearses whole runs with simulated faults: the state machines of coordinator and workers against a clock, a network
/// and a disk that follow a seed.
struct RehearseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse",
        abstract: "Rehearse runs under simulated faults, one a seed, and check the invariants after every event.",
        discussion: """
            A seed that breaks an invariant is printed with what happened. It replays with \
            --seeds 1 --first-seed S --trace and the same --world.
            """,
        shouldDisplay: false)

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 2000

    @Option(help: "The first seed; drawn afresh unless given.")
    var firstSeed: UInt64?

    @Option(help: "How many workers a run starts with at most, 1 to 16.")
    var world = 16

    @Flag(help: "Print what happens, event by event.")
    var trace = false

    @Option(help: ArgumentHelp("A rule to break on purpose.", visibility: .hidden))
    var mutation: String?

    func run() throws {
        guard (1...16).contains(world) else {
            throw ValidationError("expected 1 to 16 workers with --world, found \(world)")
        }
        let broken = try mutation.map { name in
            guard let mutation = Mutation(rawValue: name) else {
                let known = Mutation.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("expected one of \(known) with --mutation, found \(name)")
            }
            return mutation
        }
        let first = firstSeed ?? UInt64.random(in: 0..<(1 << 48))
        try say("\(seeds) seeds from \(first) on, worlds of 1 to \(world)")
        let clock = ContinuousClock()
        let began = clock.now
        var tally = RehearsalTally()
        for seed in first..<(first &+ seeds) {
            let outcome = Rehearsal(seed: seed, worlds: 1...world, mutation: broken, isTracing: trace).run()
            tally.add(outcome)
            for line in outcome.trace { try say(line) }
            guard let invariant = outcome.broken else { continue }
            try say("seed \(seed), \(outcome.world) workers: \(invariant)")
            if !trace {
                let replay = Rehearsal(seed: seed, worlds: 1...world, mutation: broken, isTracing: true).run()
                for line in replay.trace.suffix(200) { try say(line) }
                try say("replay: loradrop rehearse --seeds 1 --first-seed \(seed) --world \(world) --trace")
                throw ExitStatus.failed
            }
        }
        let time = began.duration(to: clock.now)
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        try say("\(tally)")
        try say("\(Int(seconds)) s, \(Int(Double(seeds) / max(seconds, 1e-3))) seeds a second")
        if tally.broken > 0 { throw ExitStatus.failed }
    }

    private func say(_ line: String) throws {
        try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}
