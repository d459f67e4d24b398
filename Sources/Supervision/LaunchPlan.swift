//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a launch is to do, as plain values.
package struct LaunchPlan: Sendable {
    /// The name of the run: in its certificates, in its folders, for `status`, `attach` and `stop`.
    package var run: String
    package var hosts: [Hostfile.Host]
    package var shell: RemoteShell.Options
    package var releaseFile: String
    /// Where this machine keeps releases and runs.
    package var home: String
    package var outputDirectory: String
    /// The coordinator's configuration, whole.
    package var configuration: String
    /// What every worker is told, beside coordinator, name, certificates and slots.
    package var workerArguments: [String]
    /// The address at which hosts reach this machine; nil: the one that each host sees ssh come from.
    package var advertise: String?
    /// With fewer workers than this a run is ended; all of them unless the user allows less.
    package var minWorkers: Int
    package var maxRestarts = 3
    /// Hours that the workers' and the coordinator's certificates are valid.
    package var certificateHours = 24 * 7
    /// Seconds that a host may be out of reach before it counts as failed.
    package var hostTimeout = 60.0
    /// Seconds that a run has to save its state when it is stopped.
    package var stopTimeout = 90.0
    /// What `loradrop doctor` is told, beside the program on the hosts; nil: it is not asked.
    package var doctorArguments: [String]?
    /// Seconds for a host to take and unpack the release.
    package var installTimeout = 900.0

    package init(
        run: String, hosts: [Hostfile.Host], shell: RemoteShell.Options, releaseFile: String, home: String,
        outputDirectory: String, configuration: String, workerArguments: [String], advertise: String?, minWorkers: Int
    ) {
        self.run = run
        self.hosts = hosts
        self.shell = shell
        self.releaseFile = releaseFile
        self.home = home
        self.outputDirectory = outputDirectory
        self.configuration = configuration
        self.workerArguments = workerArguments
        self.advertise = advertise
        self.minWorkers = minWorkers
    }

    /// The worker on the host of that place in the hostfile.
    package static func worker(_ place: Int) -> String { "worker-\(place)" }
    package static let coordinator = "coordinator"
}
