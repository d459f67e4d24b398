//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Foundation
import Simulation
import Training

/// Disturbs many runs by drawn faults; each must end with the bytes of the undisturbed one.
struct ChaosCampaignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos-campaign",
        abstract: "Disturb many short runs by drawn faults, and hold each against the undisturbed run.",
        shouldDisplay: false)

    @Option(help: "Runs in all.")
    var runs = 100

    @Option(help: "What the faults are drawn from; a fresh one without it.")
    var seed: UInt64?

    @Option(help: "The file that the campaign is resumed from.")
    var evidence: String

    @Option(help: "Where the runs are made.")
    var folder: String

    @Option(help: "Steps of the probe.")
    var probeSteps: Int

    @Option(help: "Steps of the fine-tuning.")
    var fineTuneSteps: Int

    @Option(help: "Evaluations and checkpoints that each run has at least.")
    var boundaries: Int

    @Flag(help: "Every kind of fault at every kind of place has to come about at least twice.")
    var coverage = false

    @Flag(help: "Every process's log records have to be there, each once.")
    var auditLogs = false

    @OptionGroup var arguments: RunArguments

    func validate() throws {
        guard runs > 0, probeSteps > 0, fineTuneSteps > 1, boundaries > 0 else {
            throw ValidationError("--runs, --probe-steps, --fine-tune-steps and --boundaries are counts")
        }
    }

    func run() throws {
        let seed = seed ?? UInt64.random(in: 0..<1 << 32)
        let stop = StopRequest()
        let signals = StopSignals(stop)
        defer { withExtendedLifetime(signals) {} }
        let console = TerminalConsole()
        console.line("campaign of \(runs) runs, seed \(seed)")
        let campaign = try FaultCampaign(
            arguments.settings(), seed: seed, runs: runs,
            course: FaultDraw.Course(probeSteps: probeSteps, fineTuneSteps: fineTuneSteps, boundaries: boundaries),
            auditsLogs: auditLogs, folder: folder, evidence: evidence, executable: SimulateCommand.executable,
            console: console, stop: stop)
        guard let isGood = try campaign.run() else { throw ExitStatus.stopped }
        if coverage, campaign.evidence.leastHits < 2 {
            console.line("error: not every cell was hit twice")
            throw ExitStatus.failed
        }
        guard isGood else { throw ExitStatus.failed }
    }
}
