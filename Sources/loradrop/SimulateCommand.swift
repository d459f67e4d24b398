//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import RunConfiguration
import Simulation
import Training

/// Runs a whole cluster on this machine.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Train with a coordinator and several workers on this machine, over real TLS.",
        discussion: """
            Every key of the configuration is also a flag, with dashes for underscores: --lora-drop.threshold 0.5, \
            --workers 2, --slots 1, --output-dir runs/x. Flags win over the file.
            """)

    @OptionGroup var arguments: RunArguments

    func run() throws {
        let settings = try arguments.settings()
        let stop = StopRequest()
        let signals = StopSignals(stop)
        defer { withExtendedLifetime(signals) {} }
        let cluster = SimulatedCluster(
            settings, executable: "/proc/self/exe", console: TerminalConsole(), stop: stop)
        guard try cluster.run() else { throw ExitStatus.stopped }
    }
}

/// A configuration file and the flags laid over it.
struct RunArguments: ParsableArguments {
    @Option(help: ArgumentHelp("The run's configuration, in YAML.", valueName: "file"))
    var config: String?

    @Argument(
        parsing: .allUnrecognized,
        help: ArgumentHelp("Keys of the configuration as flags.", valueName: "--key value"))
    var flags: [String] = []

    func settings(for purpose: ConfigurationPurpose = .training) throws -> RunSettings {
        try RunSettings.load(file: config, flags: flags, for: purpose)
    }
}
