//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Benchmarks

/// Runs many all-reduces and checks each.
struct BenchSoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Run many all-reduces over TLS and check every sum.",
        discussion: """
            loradrop bench soak --rounds 100000 --worlds 2,3,5,7

            Lengths are log-uniform, workers come late at random, algorithms take turns. The first round that hangs for \
            two minutes or gives a wrong sum ends it with exit code 1.
            """)

    @Option(help: ArgumentHelp("Rounds in all, shared by the numbers of workers.", valueName: "n"))
    var rounds = 1000

    @Option(help: ArgumentHelp("Numbers of workers, which are threads here.", valueName: "n,n"))
    var worlds = "2,3,5,7"

    @Option(help: ArgumentHelp("The longest vector, in 64-bit integers.", valueName: "n"))
    var maximumSize = 300_000

    @Option(help: ArgumentHelp("Decides lengths, values and who comes late.", valueName: "n"))
    var seed: UInt64 = 1

    func validate() throws {
        guard let worlds = AllReduceArguments.numbers(worlds), worlds.allSatisfy({ (2...64).contains($0) }) else {
            throw ValidationError("--worlds wants numbers of workers from 2 to 64: 2,3,5,7")
        }
        guard rounds > 0, (1...(1 << 28)).contains(maximumSize) else {
            throw ValidationError("--rounds and --maximum-size want numbers above 0")
        }
    }

    func run() throws {
        let settings = AllReduceSoak.Settings(
            rounds: rounds, worldSizes: AllReduceArguments.numbers(worlds) ?? [], maximumElementCount: maximumSize,
            seed: seed)
        try AllReduceSoak(settings).run { outcome in
            print(outcome.text)
        }
    }
}
