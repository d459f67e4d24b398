//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Digests
import Foundation
import RunConfiguration
import SecureTransport
import Supervision

/// Runs on many hosts, over ssh.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch",
        abstract: "Train on many hosts: install, start, follow and end the run over ssh.",
        discussion: """
            The coordinator runs on this machine, one worker on each host of the hostfile. Every key of the \
            configuration is also a flag. deploy/launch.sh makes the release and calls this command with it.

            Ctrl-C, TERM and a lost terminal stop the run with its state saved and end all of its processes; the same \
            command goes on with it. A launcher that is killed leaves a run that goes on: see status, attach and stop.
            """)

    @Option(help: ArgumentHelp("The packaged release (deploy/package.sh).", valueName: "tarball"))
    var release: String

    @Option(name: .customLong("run"), help: "The name of the run. Default: from output_dir.")
    var runName: String?

    @OptionGroup var remote: RemoteArguments

    @Option(help: "How often a process of the run that fails is started again.")
    var maxRestarts = 3

    @Option(help: "Hours that the certificates of this launch are valid.")
    var certificateHours = 24 * 7

    @Option(help: "Seconds that a host may be out of reach before it counts as failed.")
    var hostTimeout = 60.0

    @Flag(help: "Start without asking the doctor about the hosts.")
    var skipDoctor = false

    @Flag(help: "A host without the model is a problem; otherwise it fetches it from the coordinator.")
    var requireModel = false

    @Flag(help: "Print what would be run, and run nothing.")
    var dryRun = false

    @OptionGroup var arguments: RunArguments

    func validate() throws {
        guard (0...1000).contains(maxRestarts) else { throw ValidationError("--max-restarts must be 0 to 1000") }
        guard (1...8760).contains(certificateHours) else {
            throw ValidationError("--certificate-hours must be 1 to 8760")
        }
        guard hostTimeout >= 1, hostTimeout < 1e6 else { throw ValidationError("--host-timeout must be 1 or more") }
    }

    func run() throws {
        guard let hostfile = remote.hostfile else {
            throw SupervisionError(.badSetup, "expected --hostfile FILE, with a line \"host slots=N\" for each machine")
        }
        guard remote.workdir.hasPrefix("/") || remote.workdir.hasPrefix("~/") else {
            throw SupervisionError(
                .badSetup, "--workdir \(remote.workdir): expected a path that begins with / or with ~/")
        }
        let hosts = try Hostfile(contentsOf: hostfile).hosts
        var settings = try RunSettings.load(
            file: arguments.config, flags: arguments.flags + ["--workers", String(hosts.count)])
        // As it was given; what else is wrong with it, the line above has told.
        let asked = (try? arguments.settings())?.cluster.workers ?? hosts.count
        guard [1, hosts.count].contains(asked) else {
            throw SupervisionError(
                .badSetup,
                "\(hostfile) has \(hosts.count) hosts and cluster.workers is \(asked): a launch has one "
                    + "worker a host; leave cluster.workers out")
        }
        if settings.cluster.bind == "127.0.0.1" { settings.cluster.bind = "0.0.0.0" }
        var worker = ["--model", Self.absolute(settings.model), "--join-timeout", String(settings.cluster.joinTimeout)]
        if settings.modelOptions.trainPooler { worker.append("--train-pooler") }
        let registry = LaunchRegistry()
        var plan = LaunchPlan(
            run: try name(settings), hosts: hosts, shell: try remote.options(), releaseFile: release,
            home: registry.home, outputDirectory: Self.absolute(settings.outputDirectory),
            configuration: settings.canonicalText, workerArguments: worker, advertise: settings.cluster.advertise,
            minWorkers: settings.cluster.minWorkers ?? hosts.count)
        plan.maxRestarts = maxRestarts
        plan.certificateHours = certificateHours
        plan.hostTimeout = hostTimeout
        plan.stopTimeout = settings.cluster.stepTimeoutFloor + settings.cluster.shutdownTimeout
        if !skipDoctor { plan.doctorArguments = doctorArguments(hostfile, settings) }
        if dryRun {
            for line in try LaunchPreview(plan).lines() { print(line) }
            return
        }
        let interruption = Interruption()
        let force = Interruption()
        let signals = EndSignals { isFirst in (isFirst ? interruption : force).request() }
        defer { withExtendedLifetime(signals) {} }
        let console = TerminalConsole()
        let launch = Launch(plan, interruption: interruption, force: force) { console.line($0) }
        let code: Int32
        do {
            code = try launch.run()
        } catch let error as CoordinatorEnd {
            console.line("\(error)")
            throw ExitCode(error.exitCode)
        }
        if code != 0 { throw ExitCode(code) }
    }

    /// The given name, or one that the run folder decides: a run that is resumed has the same.
    private func name(_ settings: RunSettings) throws -> String {
        if let runName {
            _ = try PeerIdentity(role: .coordinator, name: "coordinator", run: runName)
            return runName
        }
        let folder = Self.absolute(settings.outputDirectory)
        let base = (folder as NSString).lastPathComponent.unicodeScalars.map { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                ? String(scalar) : "-"
        }.joined().prefix(40)
        let digest = Digest(of: Array(folder.utf8)).description.prefix(8)
        return "run-\(base)-\(digest)"
    }

    /// The hosts and the run as the doctor is to look at them.
    private func doctorArguments(_ hostfile: String, _ settings: RunSettings) -> [String] {
        let given: [(String, String?)] = [
            ("--hostfile", hostfile), ("--ssh-port", remote.sshPort.map { String($0) }),
            ("--ssh-config", remote.sshConfig), ("--identity", remote.identity), ("--user", remote.user),
            ("--workdir", remote.workdir), ("--connect-timeout", String(remote.connectTimeout)),
            ("--config", arguments.config),
        ]
        return given.flatMap { name, value in value.map { [name, $0] } ?? [] }
            + (requireModel ? [] : ["--fetch-model"]) + remote.environment.flatMap { ["--env", $0] } + arguments.flags
            + ["--workers", String(settings.cluster.workers), "--cluster.bind", settings.cluster.bind]
    }

    private static func absolute(_ path: String) -> String {
        URL(filePath: path).standardizedFileURL.path
    }
}
