//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Cluster
import Foundation
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
            --workers 2, --slots 1, --output-dir runs/x. Flags win over the file. --task-name cola --data-dir DIR sets \
            columns, labels, metric and files of a task of GLUE.

            Faults come at a place of the run: a number is a step of the fine-tuning; probe:5 is a step of the probe; \
            importance, decision, evaluation, checkpoint and export are the other places, evaluation:2 the second one.
            """)

    @OptionGroup(title: "Faults") var faults: FaultArguments

    @Option(help: "How often a worker whose process ended is started again, after a pause that grows.")
    var maxRestarts = 3

    @Flag(help: "Make the same run with one undisturbed worker afterwards, and compare the adapters' bytes.")
    var compare = false

    @Option(help: ArgumentHelp("A file for the times of faults and recoveries.", visibility: .private))
    var recoveryFile: String?

    @OptionGroup var arguments: RunArguments

    func validate() throws {
        guard (0...1000).contains(maxRestarts) else {
            throw ValidationError("--max-restarts must be 0 to 1000, found \(maxRestarts)")
        }
    }

    func run() throws {
        let plan = try faults.plan()
        var settings = try arguments.settings()
        if !plan.lateWorkers.isEmpty {
            settings.cluster.maxWorkers = max(
                settings.cluster.maxWorkers ?? 0, settings.cluster.workers + plan.lateWorkers.count)
        }
        do {
            try plan.check(workers: settings.cluster.workers)
        } catch {
            throw ValidationError(error.description)
        }
        let stop = StopRequest()
        let signals = StopSignals(stop)
        defer { withExtendedLifetime(signals) {} }
        let console = TerminalConsole()
        guard try train(settings, plan, console, stop) else { throw ExitStatus.stopped }
        if compare {
            try compareWithUndisturbed(settings, console, stop)
        }
    }

    private func train(
        _ settings: RunSettings, _ plan: FaultPlan, _ console: TerminalConsole, _ stop: StopRequest
    ) throws -> Bool {
        guard plan.needsProcesses else {
            return try SimulatedCluster(
                settings, maxRestarts: maxRestarts, slowness: plan.slowness, executable: Self.executable,
                console: console, stop: stop
            ).run()
        }
        let cluster = try DisturbedCluster(
            settings, plan: plan, maxRestarts: maxRestarts, executable: Self.executable, console: console, stop: stop)
        defer {
            for line in cluster.timeline.lines { console.line(line) }
        }
        let isFinished: Bool
        do {
            isFinished = try cluster.run()
        } catch let failure as DisturbedCluster.Failure where failure.exitCode == 2 {
            throw ExitStatus.usage
        }
        if let recoveryFile {
            try Data(cluster.timeline.table.utf8).write(to: URL(fileURLWithPath: recoveryFile))
        }
        for fault in cluster.faultsLeft where isFinished {
            console.line("warning: the run never came to \(fault)")
        }
        return isFinished
    }

    private func compareWithUndisturbed(
        _ settings: RunSettings, _ console: TerminalConsole, _ stop: StopRequest
    ) throws {
        let own = try UndisturbedRun.adapterDigest(of: settings)
        console.line("comparing with an undisturbed run of one worker")
        let other = try UndisturbedRun.run(
            like: settings, executable: Self.executable, console: SilentConsole(), stop: stop)
        guard let other else { throw ExitStatus.stopped }
        guard own == other else {
            console.line("error: the adapter's bytes differ: \(own), undisturbed \(other)")
            throw ExitStatus.failed
        }
        console.line("the adapter's bytes equal those of the undisturbed run: \(own)")
    }

    /// This program, for the processes of the cluster.
    static let executable = "/proc/self/exe"
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
