//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Cluster
import Digests
import Foundation
package import RunConfiguration
import SecureTransport
package import Training

/// A whole cluster on one machine: the coordinator in this process, every worker in a process of its own, real TLS
/// between all of them with throw-away certificates.
package final class SimulatedCluster {
    private let settings: RunSettings
    /// The program that workers are started from.
    private let executable: String
    private let console: any Console
    private let stop: StopRequest

    package init(_ settings: RunSettings, executable: String, console: any Console, stop: StopRequest) {
        self.settings = settings
        self.executable = executable
        self.console = console
        self.stop = stop
    }

    /// Runs to the end.
    /// - Returns: Whether the run is finished; false if the user stopped it and its state is saved.
    package func run() throws -> Bool {
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        let run = "simulation-\(settings.resultDigest.description.prefix(12))"
        let certificates = CertificateFolder(scratch.path + "/certificates")
        _ = try certificates.makeAuthority(run: run, validForHours: 24 * 30)
        let names = (0..<settings.cluster.workers).map { "worker-\($0)" }
        let coordinator = try PeerIdentity(role: .coordinator, name: "coordinator", run: run)
        _ = try certificates.issue(to: coordinator, addresses: [], validForHours: 24 * 30)
        for name in names {
            _ = try certificates.issue(
                to: try PeerIdentity(role: .worker, name: name, run: run), addresses: [], validForHours: 24 * 30)
        }

        let workers = WorkerProcesses()
        let process = try CoordinatorProcess(
            settings, credentials: certificates.credentials(of: coordinator.name), console: console, stop: stop
        ) { [settings, executable] endpoint in
            for name in names {
                try workers.start(
                    name, executable: executable,
                    arguments: [
                        "worker", "--coordinator", endpoint.description, "--certificates", certificates.path,
                        "--name", name, "--model", settings.model, "--slots", String(settings.cluster.slots),
                        "--bind", settings.cluster.bind, "--join-timeout", String(settings.cluster.joinTimeout),
                    ] + (settings.modelOptions.trainPooler ? ["--train-pooler"] : []),
                    errorFile: scratch.path + "/\(name).stderr")
            }
        }
        workers.watch { [obituaries = process.obituaries] name, reason in
            obituaries.ended(name, reason: reason, returns: false)
        }
        defer { workers.end(within: settings.cluster.shutdownTimeout) }
        return try process.run()
    }
}

/// A folder for certificates and other files of one simulation, which only this user may enter.
private struct ScratchFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/loradrop-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    func remove() {
        // What is left behind is a folder of throw-away files that only this user can read.
        try? FileManager.default.removeItem(atPath: path)
    }
}
