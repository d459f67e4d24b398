//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Supervision

/// How the machines of a hostfile are reached over ssh.
struct RemoteArguments: ParsableArguments {
    @Option(help: ArgumentHelp("The machines, one \"host slots=N\" a line.", valueName: "file"))
    var hostfile: String?

    @Option(help: ArgumentHelp("The port of sshd on the hosts.", valueName: "port"))
    var sshPort: UInt16?

    @Option(help: ArgumentHelp("An ssh configuration in place of the user's.", valueName: "file"))
    var sshConfig: String?

    @Option(help: ArgumentHelp("A file with the private key for ssh.", valueName: "file"))
    var identity: String?

    @Option(help: "The user on the hosts.")
    var user: String?

    @Option(
        name: .customLong("env"),
        help: ArgumentHelp("Added to the environment on the hosts; may be repeated.", valueName: "KEY=VALUE"))
    var environment: [String] = []

    @Option(help: ArgumentHelp("The folder on the hosts in which releases and runs live.", valueName: "folder"))
    var workdir = "~/.loradrop"

    @Option(help: ArgumentHelp("Seconds within which a host has to answer.", valueName: "seconds"))
    var connectTimeout = 10

    /// - Throws: `SupervisionError` for an entry of the environment that is none.
    func options() throws -> RemoteShell.Options {
        var options = RemoteShell.Options()
        options.port = sshPort
        options.configurationFile = sshConfig
        options.identity = identity
        options.user = user
        options.environment = try environment.map { try RemoteShell.EnvironmentEntry(parsing: $0) }
        options.workdir = workdir
        options.connectTimeout = connectTimeout
        return options
    }
}
