//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Foundation
import SecureTransport
import Supervision

/// What `launch` runs on hosts; not for people.
struct SuperviseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "supervise",
        abstract: "Start, watch and end the processes of a run on this host; launch calls it over ssh.",
        shouldDisplay: false, subcommands: [Prepare.self, Start.self, Run.self, Watch.self, Status.self, End.self])

    /// The folder of a launch.
    struct Folder: ParsableArguments {
        @Argument(help: "The folder of the launch.")
        var path: String

        var state: StateFolder { StateFolder(URL(filePath: path).standardizedFileURL.path) }
    }

    /// Makes the folder and keys.
    struct Prepare: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make the folder, and a key for each name.")

        @OptionGroup var folder: Folder

        @Option(name: .customLong("name"), parsing: .singleValue, help: "A process that needs a certificate.")
        var names: [String] = []

        func run() throws { try SuperviseCommand.answer(HostCommands.prepare(folder.state, names: names)) }
    }

    /// Starts the supervisor.
    struct Start: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Start what standard input specifies, as JSON.")

        @OptionGroup var folder: Folder

        func run() throws {
            let data = try FileHandle.standardInput.readToEnd() ?? Data()
            let specification: Specification
            do {
                specification = try JSONDecoder().decode(Specification.self, from: data)
            } catch {
                throw SupervisionError(.badSetup, "standard input: expected a specification as JSON: \(error)")
            }
            let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            var programs = specification
            for index in programs.programs.indices where programs.programs[index].executable == "/proc/self/exe" {
                programs.programs[index].executable = executable
            }
            try SuperviseCommand.answer(
                HostCommands.start(folder.state, specification: programs, executable: executable))
        }
    }

    /// Is the supervisor.
    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Be the supervisor.")

        @OptionGroup var folder: Folder

        func run() throws {
            let interruption = Interruption()
            let signals = EndSignals { _ in interruption.request() }
            defer { withExtendedLifetime(signals) {} }
            guard try Supervisor(folder.state, interruption: interruption).run() else { throw ExitStatus.failed }
        }
    }

    /// Tells what happens.
    struct Watch: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the events as they come.")

        @OptionGroup var folder: Folder

        @Option(help: "The first event that is wanted.")
        var from = 0

        func run() throws {
            try HostCommands.watch(folder.state, from: from) { line in
                do {
                    try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
                    return true
                } catch {
                    return false
                }
            }
        }
    }

    /// Tells what runs.
    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print what runs, as JSON.")

        @OptionGroup var folder: Folder

        func run() throws { try SuperviseCommand.answer(HostCommands.status(folder.state)) }
    }

    /// Ends everything.
    struct End: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End exactly what the launch started here.")

        @OptionGroup var folder: Folder

        @Option(help: "Seconds that the processes have to end by themselves.")
        var grace = 5.0

        func run() throws { print(try HostCommands.end(folder.state, grace: grace)) }
    }

    private static func answer(_ value: some Encodable) throws {
        print(String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
    }
}
