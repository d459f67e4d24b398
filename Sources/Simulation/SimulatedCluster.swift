//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Cluster
import Digests
import Foundation
package import RunConfiguration
import RunRecords
import SecureTransport
package import Training

/// A whole cluster on one machine: the coordinator in this process, every worker in a process of its own, real TLS
/// between all of them with throw-away certificates.
package final class SimulatedCluster {
    private let settings: RunSettings
    private let maxRestarts: Int
    private let slowness: [Int: Double]
    /// The program that workers are started from.
    private let executable: String
    private let console: any Console
    private let stop: StopRequest

    /// - Parameters:
    ///   - maxRestarts: How often a worker that ended is started again.
    ///   - slowness: How many times as long as elsewhere a worker's shards last.
    package init(
        _ settings: RunSettings, maxRestarts: Int = 0, slowness: [Int: Double] = [:], executable: String,
        console: any Console, stop: StopRequest
    ) {
        self.settings = settings
        self.maxRestarts = maxRestarts
        self.slowness = slowness
        self.executable = executable
        self.console = console
        self.stop = stop
    }

    /// Runs to the end.
    /// - Returns: Whether the run is finished; false if the user stopped it and its state is saved.
    package func run() throws -> Bool {
        let scratch = try SimulationFolder()
        defer { scratch.remove() }
        let numbers = 0..<settings.cluster.workers
        try scratch.makeCertificates(run: settings.simulationName, workers: numbers.map(LocalWorkers.name))
        let intake = LogIntake()
        var started: LocalWorkers?
        let told = Obituaries()
        let process = try CoordinatorProcess(
            settings, credentials: scratch.certificates.credentials(of: "coordinator"), console: console, stop: stop,
            logIntake: intake, obituaries: told
        ) { [settings, executable, slowness, maxRestarts] endpoint in
            let workers = LocalWorkers(
                LocalWorkers.Setup(
                    executable: executable, certificates: scratch.certificates.path,
                    spools: RunFolder(settings.outputDirectory), settings: settings,
                    coordinator: endpoint.description, slowness: slowness, places: [:]),
                maxRestarts: maxRestarts, intake: intake
            ) { end in told.ended(end.name, reason: end.reason, returns: end.pause != nil) }
            started = workers
            for number in numbers { try workers.start(number) }
        }
        process.leaving = { [settings] in started?.end(within: settings.cluster.shutdownTimeout) }
        return try process.run()
    }
}

extension RunSettings {
    /// What a simulated run calls itself.
    var simulationName: String { "simulation-\(resultDigest.description.prefix(12))" }
}
