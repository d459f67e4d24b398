//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// `loradrop bench startup`: from the start of a process to a run's first step.
package enum StartupBenchmark {
    /// Starts `simulate` with one worker for one step, `rounds` times, in a folder that is removed afterwards.
    /// - Parameters:
    ///   - executable: This program.
    ///   - configuration: The configuration's file, or nil.
    ///   - flags: Laid over the file.
    ///   - rounds: Repetitions.
    /// - Throws: `BenchmarkError` if a run fails or does not come to its first step.
    package static func run(
        executable: String, configuration: String?, flags: [String], rounds: Int
    ) throws -> BenchmarkReport {
        var firstStep: [Double] = []
        var whole: [Double] = []
        for _ in 0..<rounds {
            let folder = FileManager.default.temporaryDirectory
                .appendingPathComponent("loradrop-startup-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: executable)
            process.arguments =
                ["simulate"] + (configuration.map { ["--config", $0] } ?? []) + flags + [
                    "--workers", "1", "--training.max-steps", "1", "--training.logging-steps", "1",
                    "--lora-drop.threshold", "1", "--output-dir", folder.path,
                ]
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            let began = DispatchTime.now().uptimeNanoseconds
            try process.run()
            let seconds = { Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9 }
            var text = ""
            var first: Double?
            while true {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { break }
                text += String(decoding: data, as: UTF8.self)
                if first == nil, text.contains("\nfine-tune  1/1") {
                    first = seconds()
                }
            }
            process.waitUntilExit()
            guard process.terminationStatus == 0, let first else {
                throw BenchmarkError(
                    "expected a run with one step, found exit code \(process.terminationStatus) and the output:\n\(text)"
                )
            }
            firstStep.append(first)
            whole.append(seconds())
        }
        var report = BenchmarkReport(command: "bench startup --rounds \(rounds)")
        for (key, title, values) in [
            ("first_step_seconds", "process start to first step", firstStep),
            ("whole_seconds", "the whole run of one step", whole),
        ] {
            report.figures.append(
                .init(
                    key, Repetitions.median(values),
                    String(
                        format: "%@  %.3f s  (%.3f to %.3f)", title, Repetitions.median(values), values.min() ?? 0,
                        values.max() ?? 0)))
        }
        return report
    }
}

/// Why a measurement could not be made.
package struct BenchmarkError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
