//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Foundation
import RunRecords

/// Shows the log records of a run.
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show a run's log records of all processes, in one order.",
        discussion: """
            Records are sorted by time, but those of one worker are never reordered.

            loradrop logs runs/demo --level warning
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "folder"))
    var folder: String

    @Option(help: "Only this worker's records, or the coordinator's; may be given several times.")
    var worker: [String] = []

    @Option(help: "The least level: \(LogLevel.allCases.map(\.rawValue).joined(separator: ", ")).")
    var level: LogLevel = .trace

    @Option(help: ArgumentHelp("Only records whose message matches this regular expression.", valueName: "pattern"))
    var grep: String?

    @Flag(help: "Print the records as they are in the file, one JSON object a line.")
    var json = false

    func run() throws {
        let pattern = try grep.map { text in
            do {
                return try Regex(text)
            } catch {
                throw ValidationError("--grep \(text): this is no regular expression: \(error)")
            }
        }
        let records = try records()
        let known = Set(records.map(\.worker))
        if let unknown = worker.first(where: { !known.contains($0) }) {
            throw ValidationError(
                "--worker \(unknown): nothing was logged by it; \(known.sorted().joined(separator: ", ")) are in the log"
            )
        }
        for record in LogOrder.sorted(records)
        where record.level >= level && (worker.isEmpty || worker.contains(record.worker)) {
            if let pattern, try pattern.firstMatch(in: record.message) == nil { continue }
            print(json ? record.jsonLine : record.plainLine)
        }
    }

    /// All records of the run; a last line that is still being written is left out.
    private func records() throws -> [LogRecord] {
        let path = RunFolder(folder).mergedLog
        guard let bytes = try AtomicFile.read(path) else {
            throw ValidationError("\(path): there is no such file; give the folder of a run")
        }
        let whole = bytes[..<(bytes.lastIndex(of: 0x0A) ?? 0)]
        return try whole.split(separator: 0x0A).enumerated().map { number, line in
            try LogRecord(jsonLine: String(decoding: line, as: UTF8.self), path: path, number: number + 1)
        }
    }
}

extension LogLevel: ExpressibleByArgument {}
