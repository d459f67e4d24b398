//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Cluster
import Files
import Foundation
import RunConfiguration
import SecureTransport
import Training

/// Coordinates a run whose workers are started elsewhere.
struct CoordinatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Coordinate a run: prepare the data, wait for the workers, train, write the adapter.",
        discussion: "Every key of the configuration is also a flag; cluster.bind and cluster.port say where it listens."
    )

    @Option(help: "The folder with ca.pem and this coordinator's certificate and key (loradrop certs).")
    var certificates: String

    @Option(help: "The name in the coordinator's certificate.")
    var name = "coordinator"

    @Option(help: "A file that the address it listens on is written to.")
    var endpointFile: String?

    @Option(
        help: ArgumentHelp(
            "A socket that this process inherited: it tells the run's events there and waits at some of them.",
            visibility: .private))
    var eventsFd: Int32?

    @OptionGroup var arguments: RunArguments

    func run() throws {
        let settings = try arguments.settings()
        let stop = StopRequest()
        let signals = StopSignals(stop)
        defer { withExtendedLifetime(signals) {} }
        let process = try CoordinatorProcess(
            settings, credentials: CertificateFolder(certificates).credentials(of: name),
            renewal: RotatingContext(CertificateFolder(certificates), name: name), console: TerminalConsole(),
            stop: stop
        ) { endpoint in
            if let endpointFile {
                try AtomicFile.write("\(endpoint)\n", to: endpointFile)
            }
        }
        process.events = eventsFd.map {
            RunEventStream(descriptor: $0, obituaries: process.obituaries, stop: stop)
        }
        guard try process.run() else { throw ExitStatus.stopped }
    }
}
