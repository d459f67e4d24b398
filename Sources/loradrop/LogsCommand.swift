//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Files
import Foundation
import RunRecords

/// Shows the log records of a run.
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show a run's log records of all processes, in one order.",
        discussion: """
            Records are sorted by the coordinator's clock, but those of one worker are never reordered.

            loradrop logs runs/demo --level warn --since 5m --follow
            """)

    @Argument(help: ArgumentHelp("The run folder.", valueName: "folder"))
    var folder: String

    @Option(help: "Only this worker's records, or the coordinator's; 3 is worker-3; may be given several times.")
    var worker: [String] = []

    @Option(
        help: "The least level: \(LogLevel.allCases.map(\.rawValue).joined(separator: ", ")).",
        transform: { word in
            guard let level = LogFilter.level(word) else {
                throw ValidationError(
                    "\"\(word)\" is no level; expected \(LogLevel.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return level
        })
    var level: LogLevel = .trace

    @Option(help: ArgumentHelp("Only records whose message matches this regular expression.", valueName: "pattern"))
    var grep: String?

    @Option(
        help: ArgumentHelp(
            "Only records from then on: so long ago (90s, 5m, 2h, 1d), or a time as --json shows it.",
            valueName: "time"))
    var since: String?

    @Flag(help: "Go on with what is written from now on, until interrupted.")
    var follow = false

    @Flag(help: "Print the records as they are in the file, one JSON object a line.")
    var json = false

    @Flag(help: "Print no records, but whether each is there exactly once and none is left in this folder's spools.")
    var check = false

    /// How often the file is looked at while it is followed.
    private static let pause = 0.25

    func run() throws {
        let pattern = try grep.map { text in
            do {
                return try Regex(text)
            } catch {
                throw ValidationError("--grep \(text): this is no regular expression: \(error)")
            }
        }
        let tail = LogTail(RunFolder(folder).mergedLog)
        guard follow || FileManager.default.fileExists(atPath: tail.path) else {
            throw ValidationError("\(tail.path): there is no such file; give the folder of a run")
        }
        if check {
            try audit(tail)
            return
        }
        let records = try tail.read()
        let filter = try filter(Set(records.map(\.worker)))
        func show(_ records: [LogRecord]) throws {
            var text = ""
            for record in records where filter.admits(record) {
                if let pattern, try pattern.firstMatch(in: record.message) == nil { continue }
                text += (json ? record.jsonLine : record.plainLine) + "\n"
            }
            // Whoever has stopped reading wants no more: the error ends the command.
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        }
        var times = LogTimes()
        try show(LogOrder.sorted(records.map { (times.time(of: $0), $0) }))
        if let damage = tail.damage {
            FileHandle.standardError.write(
                Data("\(damage.count) lines are no log records, the first: \(damage.first)\n".utf8))
        }
        var follower = LogFollower(after: times)
        while follow {
            Thread.sleep(forTimeInterval: Self.pause)
            let now = Int(ProcessInfo.processInfo.systemUptime * 1e9)
            follower.take(try tail.read(), at: now)
            try show(follower.due(at: now))
        }
    }

    private func audit(_ tail: LogTail) throws {
        var audit = LogAudit()
        for record in try tail.read() { audit.take(record) }
        let spools = folder + "/spool"
        let manager = FileManager.default
        for worker in manager.fileExists(atPath: spools) ? try manager.contentsOfDirectory(atPath: spools) : [] {
            for file in try manager.contentsOfDirectory(atPath: "\(spools)/\(worker)") where file.hasSuffix(".jsonl") {
                for record in try LogTail("\(spools)/\(worker)/\(file)").read() { audit.takeSpooled(record) }
            }
        }
        var problems = audit.problems
        if let damage = tail.damage {
            problems.append("\(damage.count) lines are no log records, the first: \(damage.first)")
        }
        for problem in problems { print(problem) }
        guard problems.isEmpty else { throw ExitStatus.failed }
        print("\(audit.recordCount) records of \(audit.streamCount) writers, each exactly once")
    }

    /// - Parameter known: Who is in the log so far.
    private func filter(_ known: Set<String>) throws -> LogFilter {
        let names = try worker.map { name in
            if known.contains(name) { return name }
            let numbered = "worker-\(name)"
            if Int(name) != nil, known.contains(numbered) || follow { return numbered }
            guard follow else {
                throw ValidationError(
                    "--worker \(name): nothing was logged by it; \(known.sorted().joined(separator: ", ")) are in the "
                        + "log")
            }
            return name
        }
        let start = try since.map { text in
            guard let time = LogFilter.time(text, now: Int(Date().timeIntervalSince1970 * 1e9)) else {
                throw ValidationError(
                    "--since \(text): expected a time like 90s, 5m, 2h, 1d or 2026-01-02T03:04:05.000000000Z")
            }
            return time
        }
        return LogFilter(level: level, workers: Set(names), since: start)
    }
}
