//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Diagnostics
import Foundation
import JSONText
import RunConfiguration
import SecureTransport

/// Examines hosts before a run, or this machine alone.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what would keep a run from working, on this machine or on many.",
        discussion: """
            Each line is passed, or a problem and how to mend it. Exit code 0: all passed, 1: a check failed, 4: bad \
            input. With --config the machine is held against that run: its memory, ports, model and data.
            """)

    @Flag(help: ArgumentHelp("Answer requests about this host on standard input.", visibility: .hidden))
    var facts = false

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: ArgumentHelp("A folder of certificates to look at.", valueName: "folder"))
    var certificates: String?

    @Option(name: .customLong("run"), help: "The run that certificates must be of.")
    var runName: String?

    @OptionGroup var arguments: RunArguments

    func run() throws {
        if facts {
            try FactsServer().serve(input: .standardInput, output: .standardOutput)
            return
        }
        let report: DoctorReport
        do {
            var plan = ExaminationPlan(settings: try settings())
            plan.certificates = certificates
            plan.run = runName
            let here = Examination.Host(
                name: "this machine", address: "127.0.0.1", slots: plan.settings?.cluster.slots ?? 1,
                isCoordinator: true, command: nil)
            report = try Examination([here], plan: plan).run { Self.say($0) }
        } catch {
            Self.say("error: \(error)")
            throw ExitStatus.badInput
        }
        print(json ? report.json.indentedText() : report.text, terminator: "")
        guard report.hasPassed else { throw ExitStatus.failed }
    }

    /// The run's settings; nil where none were given.
    private func settings() throws -> RunSettings? {
        guard arguments.config != nil || !arguments.flags.isEmpty else { return nil }
        return try arguments.settings()
    }

    private static func say(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
