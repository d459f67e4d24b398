//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Benchmarks

/// Measures all-reduce.
struct BenchAllReduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allreduce",
        abstract: "Latency and bandwidth of all-reduce between processes of this machine, over TLS 1.3.",
        discussion: """
            loradrop bench allreduce --worlds 2,3,4 --sizes 1000,300000 --algorithms auto,ring

            Before each all-reduce every worker waits for every other; times are worker 0's.
            """)

    @Option(help: ArgumentHelp("Numbers of workers.", valueName: "n,n"))
    var worlds = "2,3,4"

    @OptionGroup var measured: AllReduceArguments

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard let worlds = AllReduceArguments.numbers(worlds), worlds.allSatisfy({ (2...64).contains($0) }) else {
            throw ValidationError("--worlds wants numbers of workers from 2 to 64: 2,3,4")
        }
    }

    func run() throws {
        let settings = measured.settings(worldSizes: AllReduceArguments.numbers(worlds) ?? [])
        var report = AllReduceReport()
        if !json { print(report.heading) }
        try AllReduceBenchmark(settings, executable: "/proc/self/exe").run { measurement in
            report.measurements.append(measurement)
            if !json { print(AllReduceReport.line(of: measurement)) }
        }
        if json { print(report.jsonText, terminator: "") }
    }
}

/// What is measured, as flags.
struct AllReduceArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Lengths of the vector, in 64-bit integers.", valueName: "n,n"))
    var sizes = "1000,16384,300000,4000000"

    @Option(
        help: ArgumentHelp("Algorithms: auto, broadcast, direct, ring.", valueName: "name,name"))
    var algorithms = "auto"

    @Option(help: ArgumentHelp("The most measurements of one kind.", valueName: "n"))
    var limit = 200

    @Option(
        help: ArgumentHelp(
            "Values are below two to this number: a gradient's sums are about that wide, and travel in 4 bytes.",
            valueName: "n"))
    var valueBits = 28

    func validate() throws {
        guard let sizes = Self.numbers(sizes), sizes.allSatisfy({ $0 > 0 && $0 <= 1 << 28 }) else {
            throw ValidationError("--sizes wants lengths in elements: 1000,300000")
        }
        let names = AllReduceBenchmark.choices
        for choice in choices where !names.contains(choice) {
            throw ValidationError("--algorithms wants some of \(names.joined(separator: ", ")), found \(choice)")
        }
        guard (1...56).contains(valueBits) else {
            throw ValidationError("--value-bits wants a number from 1 to 56, found \(valueBits)")
        }
        guard limit > 0 else { throw ValidationError("--limit wants a number above 0, found \(limit)") }
    }

    func settings(worldSizes: [Int]) -> AllReduceBenchmark.Settings {
        AllReduceBenchmark.Settings(
            worldSizes: worldSizes, sizes: Self.numbers(sizes) ?? [], choices: choices, limit: limit,
            valueBits: valueBits)
    }

    private var choices: [String] { algorithms.split(separator: ",").map(String.init) }

    /// The numbers between commas; nil where something else stands there, or nothing.
    static func numbers(_ text: String) -> [Int]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        return parts.contains(nil) ? nil : parts.compactMap(\.self)
    }
}

/// A worker process of `bench allreduce`.
struct BenchAllReduceWorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allreduce-worker", abstract: "A worker process of bench allreduce.", shouldDisplay: false)

    @Option var workerRank: Int
    @Option var certificates: String
    @OptionGroup var measured: AllReduceArguments

    func run() throws {
        try AllReduceWorker(
            workerRank: workerRank, certificates: certificates, settings: measured.settings(worldSizes: [])
        ).run()
    }
}
