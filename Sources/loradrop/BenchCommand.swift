//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Benchmarks
import Foundation

/// Measurements of this machine with this program.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure products, training steps, start-up and all-reduce on this machine; compute a step's time.",
        discussion: "Every measured figure comes with the machine and the versions; --json prints it for programs.",
        subcommands: [
            GEMMCommand.self, StepCommand.self, StartupCommand.self, BenchAllReduceCommand.self, BenchSoakCommand.self,
            BenchModelCommand.self, BenchAllReduceWorkerCommand.self,
        ])

    /// The rate of matrix products.
    struct GEMMCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gemm", abstract: "The machine's sgemm rate over the model's own shapes, all slots busy.")

        @OptionGroup var output: BenchOutput
        @OptionGroup var arguments: RunArguments

        func run() throws {
            try output.print(GEMMBenchmark.run(arguments.settings(), rounds: output.checkedRounds))
        }
    }

    /// Training steps.
    struct StepCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "step",
            abstract: "Training steps of plain LoRA in one process: speed, share of the sgemm rate, time by part.")

        @Option(help: "Timed steps a round.")
        var steps = 60

        @Option(help: "Steps before the first round.")
        var warm = 20

        @OptionGroup var output: BenchOutput
        @OptionGroup var arguments: RunArguments

        func run() throws {
            guard steps > 0, warm > 0 else {
                throw ValidationError("--steps and --warm: expected at least 1, found \(steps) and \(warm)")
            }
            var benchmark = try StepBenchmark(
                arguments.settings(), extent: .init(steps: steps, warmSteps: warm, rounds: output.checkedRounds))
            try output.print(benchmark.run())
        }
    }

    /// From the start of a process to the first step.
    struct StartupCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "startup", abstract: "From the start of a process to a run's first step.")

        @OptionGroup var output: BenchOutput
        @OptionGroup var arguments: RunArguments

        func run() throws {
            _ = try arguments.settings()
            try output.print(
                StartupBenchmark.run(
                    executable: "/proc/self/exe", configuration: arguments.config, flags: arguments.flags,
                    rounds: output.checkedRounds))
        }
    }
}

/// How often a measurement is repeated, and how it is shown.
struct BenchOutput: ParsableArguments {
    @Option(help: "Repetitions, of which the median is told.")
    var rounds = 5

    @Flag(help: "Print one JSON object.")
    var json = false

    var checkedRounds: Int {
        get throws {
            guard rounds > 0 else { throw ValidationError("--rounds: expected at least 1, found \(rounds)") }
            return rounds
        }
    }

    func print(_ report: BenchmarkReport) throws {
        let text = json ? report.jsonText : report.lines.joined(separator: "\n") + "\n"
        try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }
}
