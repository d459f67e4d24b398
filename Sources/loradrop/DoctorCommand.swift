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
import Supervision

/// Examines hosts before a run, or this machine alone.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what would keep a run from working, on this machine or on many.",
        discussion: """
            Each line is passed, or a problem and how to mend it. Exit code 0: all passed, 1: a check failed, 4: bad \
            input. With --config the hosts are held against that run: memory, ports, model and data.

            loradrop doctor --config run.yaml
            loradrop doctor --hostfile hosts --config run.yaml --program /opt/loradrop/loradrop
            """)

    @Flag(help: ArgumentHelp("Answer requests about this host on standard input.", visibility: .hidden))
    var facts = false

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var remote: RemoteArguments

    @Option(help: ArgumentHelp("The program on the hosts. Default: where it lies on this machine.", valueName: "path"))
    var program: String?

    @Option(help: ArgumentHelp("A folder of certificates to look at on every host.", valueName: "folder"))
    var certificates: String?

    @Option(name: .customLong("run"), help: "The run that certificates must be of.")
    var runName: String?

    @Flag(help: "A host that lacks the base model, or has another one, is none the worse: it will fetch it.")
    var fetchModel = false

    @Option(help: ArgumentHelp("Seconds by which clocks may differ.", valueName: "seconds"))
    var maxClockSkew = 2.0

    @Option(help: ArgumentHelp("Milliseconds that a round trip may take.", valueName: "ms"))
    var maxLatency = 50.0

    @Option(help: ArgumentHelp("Mbit/s that every link must have.", valueName: "Mbit/s"))
    var minBandwidth = 10.0

    @OptionGroup var arguments: RunArguments

    func run() throws {
        if facts {
            try FactsServer().serve(input: .standardInput, output: .standardOutput)
            return
        }
        let report: DoctorReport
        do {
            let plan = try plan()
            report = try Examination(hosts(plan), plan: plan).run { Self.say($0) }
        } catch {
            Self.say("error: \(error)")
            throw ExitStatus.badInput
        }
        print(json ? report.json.indentedText() : report.text, terminator: "")
        guard report.hasPassed else { throw ExitStatus.failed }
    }

    private func plan() throws -> ExaminationPlan {
        let hasSettings = arguments.config != nil || !arguments.flags.isEmpty
        var plan = ExaminationPlan(settings: hasSettings ? try arguments.settings() : nil)
        plan.certificates = certificates
        plan.run = runName
        plan.fetchesModel = fetchModel
        plan.clockLimit = maxClockSkew
        plan.latencyLimit = maxLatency / 1000
        plan.bandwidthFloor = minBandwidth * 1e6 / 8
        if remote.hostfile != nil { plan.workFolder = remote.workdir }
        return plan
    }

    private func hosts(_ plan: ExaminationPlan) throws -> [Examination.Host] {
        let settings = plan.settings
        guard let path = remote.hostfile else {
            return [
                Examination.Host(
                    name: "this machine", address: settings?.cluster.advertise ?? "127.0.0.1",
                    slots: settings?.cluster.slots ?? 1, isCoordinator: true, command: nil)
            ]
        }
        let file = try Hostfile(contentsOf: path)
        let options = try remote.options()
        let shell = RemoteShell(options)
        let place = try program ?? Self.ownPath()
        let words =
            options.environment.map { ShellText.quoted($0.text) } + [ShellText.path(place), "doctor", "--facts"]
        let script = (options.environment.isEmpty ? "exec " : "exec env ") + words.joined(separator: " ")
        let workers = file.hosts.map { host in
            Examination.Host(
                name: host.name, address: host.name, slots: host.slots,
                command: [options.program] + shell.arguments(script, on: host.name))
        }
        let coordinator = Examination.Host(
            name: "this machine", address: settings?.cluster.advertise ?? Self.address(towards: workers), slots: 0,
            isCoordinator: true, command: nil)
        return [coordinator] + workers
    }

    private static func ownPath() throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }

    /// This machine's address as the first of the hosts that it has a route to sees it.
    private static func address(towards hosts: [Examination.Host]) -> String {
        for host in hosts {
            // A name that nobody knows is a finding of its own.
            if let endpoint = try? Endpoint(host: host.address, port: 9),
                let address = try? LocalAddress.usedToReach(endpoint)
            {
                return address
            }
        }
        return "127.0.0.1"
    }

    private static func say(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
