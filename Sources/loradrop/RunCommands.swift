//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Foundation
import SecureTransport
import Supervision

/// Tells of the runs that were launched from this machine.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the runs that were launched from this machine, or one of them host by host.",
        discussion: "Exit code 0 where the run goes on or is finished, 1 where it is neither.")

    @Argument(help: "The name of a run; without it, all of them in short.")
    var name: String?

    func run() throws {
        let registry = LaunchRegistry()
        guard let name else {
            for name in registry.names {
                guard let record = try registry.record(of: name) else { continue }
                print("\(name)  \(Self.state(record))  \(record.hosts.count) hosts  \(record.outputDirectory)")
            }
            return
        }
        let record = try registry.existing(name)
        print("run          \(record.run), launch \(record.launch)")
        print("state        \(Self.state(record))")
        print("output       \(record.outputDirectory)")
        print("launcher     \(record.launcher?.isAlive == true ? "follows" : "gone")")
        if record.coordinator.exists {
            for process in try HostCommands.status(record.coordinator).processes {
                print("coordinator  process \(process.processID) \(process.isAlive ? "runs" : "has ended")")
            }
        }
        if let line = Self.lastLine(of: record.outputFile) { print("last said    \(line)") }
        for link in record.links() {
            do {
                let status = try link.status(until: .after(.seconds(30)))
                let words = status.processes.map {
                    "process \($0.processID) \($0.isAlive ? "runs" : "has ended")"
                }
                print(
                    "\(link.label)  \(words.joined(separator: ", "))"
                        + (status.supervisorIsAlive ? "" : ", no supervisor"))
            } catch {
                print("\(link.label)  cannot be asked: \(error)")
            }
        }
        let isFinished = FileManager.default.fileExists(atPath: record.outputDirectory + "/all_results.json")
        if record.coordinator.supervisor?.isAlive != true, !isFinished { throw ExitStatus.failed }
    }

    private static func state(_ record: LaunchRecord) -> String {
        if record.coordinator.supervisor?.isAlive == true { return "running" }
        let isFinished = FileManager.default.fileExists(atPath: record.outputDirectory + "/all_results.json")
        return isFinished ? "finished" : record.hasEnded ? "stopped" : "lost"
    }

    private static func lastLine(of file: String) -> String? {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        return text.split(whereSeparator: \.isNewline).last.map(String.init)
    }
}

/// Follows a launched run.
struct AttachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Follow a run that was launched from this machine; Ctrl-C leaves it alone.",
        discussion: "Exit code: the run's where it ends; 0 where you left before.")

    @Argument(help: "The name of the run.")
    var name: String

    @Flag(help: "Show what was printed before, too.")
    var fromStart = false

    func run() throws {
        let record = try LaunchRegistry().existing(name)
        let interruption = Interruption()
        let signals = EndSignals { _ in interruption.request() }
        defer { withExtendedLifetime(signals) {} }
        let console = TerminalConsole()
        let follower = RunFollower(
            record, links: record.links(), minWorkers: 0, hostTimeout: 3600, fromStart: fromStart
        ) { console.line($0) }
        follower.watchHosts()
        defer { follower.leave() }
        switch follower.follow(interruption) {
        case .ended(let code, let message):
            guard let code else { throw SupervisionError(.runFailed, "the coordinator: \(message)") }
            if code != 0 { throw ExitCode(code) }
        case .interrupted: console.line("left; the run goes on: loradrop stop \(name) ends it")
        case .tooFewWorkers(let words): throw SupervisionError(.runFailed, words)
        }
    }
}

/// Ends a launched run.
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "End a run that was launched from this machine, with its state saved.",
        discussion: "Ends exactly the run's processes, by their recorded ids. May be given again.")

    @Argument(help: "The name of the run.")
    var name: String

    @Flag(help: "End it at once, without saving its state; the last checkpoint stays.")
    var now = false

    @Option(help: "Seconds that it has to save its state.")
    var timeout = 120.0

    func validate() throws {
        guard timeout >= 0, timeout < 1e6 else { throw ValidationError("--timeout must be a number of seconds") }
    }

    func run() throws {
        let registry = LaunchRegistry()
        let problems = try LaunchEnd(registry, registry.existing(name)).run(graceful: now ? nil : timeout) { print($0) }
        guard problems.isEmpty else {
            throw SupervisionError(.unreachable, "not ended everywhere:\n  " + problems.joined(separator: "\n  "))
        }
        print("\(name) has ended")
    }
}
