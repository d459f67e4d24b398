//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// A run's latest launch, as it is kept on the machine of the coordinator: what `status`, `attach` and `stop` go by.
package struct LaunchRecord: Sendable, Hashable, Codable {
    /// One host's part.
    package struct Host: Sendable, Hashable, Codable {
        package var name: String
        package var worker: String
        package var slots: Int
        /// The folder of the launch there.
        package var folder: String

        package init(name: String, worker: String, slots: Int, folder: String) {
            self.name = name
            self.worker = worker
            self.slots = slots
            self.folder = folder
        }
    }

    package var run: String
    /// Tells this launch from earlier ones of the run.
    package var launch: String
    package var outputDirectory: String
    package var hosts: [Host]
    package var shell: RemoteShell.Options
    /// The program on the hosts.
    package var program: String
    /// The coordinator's folder on this machine.
    package var coordinatorFolder: String
    /// Who launched it; it may be gone.
    package var launcher: ProcessRecord?
    /// Whether it was ended, everywhere.
    package var hasEnded = false

    package init(
        run: String, launch: String, outputDirectory: String, hosts: [Host], shell: RemoteShell.Options,
        program: String, coordinatorFolder: String
    ) {
        self.run = run
        self.launch = launch
        self.outputDirectory = outputDirectory
        self.hosts = hosts
        self.shell = shell
        self.program = program
        self.coordinatorFolder = coordinatorFolder
        launcher = ProcessRecord(processID: getpid())
    }

    package var coordinator: StateFolder { StateFolder(coordinatorFolder) }
    /// What the coordinator prints.
    package var outputFile: String { coordinatorFolder + "/coordinator.out" }
}

/// The runs that were launched from this machine by this user.
package struct LaunchRegistry: Sendable {
    /// `LORADROP_HOME`, or `.loradrop` in the home folder.
    package let home: String

    package init() {
        let environment = ProcessInfo.processInfo.environment
        home = environment["LORADROP_HOME"] ?? NSHomeDirectory() + "/.loradrop"
    }

    package init(home: String) {
        self.home = home
    }

    package func folder(of run: String) -> String { "\(home)/runs/\(run)" }
    private func file(of run: String) -> String { folder(of: run) + "/launch.json" }

    /// - Throws: `.file`.
    package func write(_ record: LaunchRecord) throws(SupervisionError) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder(of: record.run), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            try Data(try StateFolder.text(record).utf8).write(to: URL(filePath: file(of: record.run)), options: .atomic)
        } catch {
            throw SupervisionError(.file, "cannot write \(file(of: record.run)): \(error.localizedDescription)")
        }
    }

    /// The latest launch of a run; nil where there was none.
    /// - Throws: `.remoteFailure` where the file is not what `write` writes.
    package func record(of run: String) throws(SupervisionError) -> LaunchRecord? {
        guard let data = try? Data(contentsOf: URL(filePath: file(of: run))) else { return nil }
        return try StateFolder.parse(data, from: file(of: run))
    }

    /// The latest launch of a run that has to be there.
    /// - Throws: `.noSuchRun`, with the runs that are.
    package func existing(_ run: String) throws(SupervisionError) -> LaunchRecord {
        if let record = try record(of: run) { return record }
        let names = names
        throw SupervisionError(
            .noSuchRun,
            "no run \"\(run)\" was launched from here; "
                + (names.isEmpty ? "none was (records are in \(home)/runs)" : "known: \(names.joined(separator: ", "))")
        )
    }

    /// The names of all runs.
    package var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: home + "/runs")) ?? []).sorted().filter {
            FileManager.default.fileExists(atPath: file(of: $0))
        }
    }
}
