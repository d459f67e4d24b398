//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Cluster
import Files
import Foundation
package import RunConfiguration
import RunRecords
import SecureTransport
package import Training

/// Many short runs with drawn faults, each of which must end with the bytes of the undisturbed one-worker run.
package final class FaultCampaign {
    private let settings: RunSettings
    private let draw: FaultDraw
    private let runCount: Int
    private let auditsLogs: Bool
    private let folder: String
    private let executable: String
    private let console: any Console
    private let stop: StopRequest
    package private(set) var evidence: CampaignEvidence

    /// Time for one run, which takes seconds: more is a hang.
    private static let runTime = Duration.seconds(240)

    /// - Parameters:
    ///   - settings: The run that is disturbed: a small one.
    ///   - auditsLogs: Whether a log record that is lost or doubled counts against a run.
    ///   - folder: Where the runs are made; those that end well are removed.
    ///   - evidence: The file that the campaign can be resumed from.
    /// - Throws: If the evidence is of another campaign.
    package init(
        _ settings: RunSettings, seed: UInt64, runs: Int, course: FaultDraw.Course, auditsLogs: Bool, folder: String,
        evidence: String,
        executable: String, console: any Console, stop: StopRequest
    ) throws {
        self.settings = settings
        draw = FaultDraw(seed: seed, course: course)
        runCount = runs
        self.auditsLogs = auditsLogs
        self.folder = folder
        self.executable = executable
        self.console = console
        self.stop = stop
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.evidence = try CampaignEvidence(path: evidence, seed: seed)
    }

    /// Makes the runs that the evidence does not have yet.
    /// - Returns: Whether all runs of the campaign are good; nil if the user stopped it.
    package func run() throws -> Bool? {
        guard
            let expected = try UndisturbedRun.run(
                like: settings, executable: executable, console: SilentConsole(), stop: stop)
        else { return nil }
        console.line("undisturbed, one worker: \(expected)")
        let done = Set(evidence.entries.map(\.run))
        for number in 0..<runCount where !done.contains(number) {
            guard !stop.isRequested else { return nil }
            let entry = try make(number, expected: expected)
            try evidence.add(entry)
            console.line(
                "run \(number): \(entry.verdict) (\(String(format: "%.1f", entry.seconds)) s)  \(entry.command)")
        }
        let entries = evidence.entries.filter { $0.run < runCount }
        let good = entries.count(where: \.isGood)
        for line in evidence.matrix { console.line(line) }
        for kind in ["kill", "kill-coordinator", "stop", "disconnect", "partition"] {
            let times = evidence.recoverySeconds(of: kind)
            guard let worst = times.last else { continue }
            console.line(
                "\(kind): \(times.count) recoveries, median \(String(format: "%.2f", times[times.count / 2])) s, worst "
                    + "\(String(format: "%.2f", worst)) s to the next committed step")
        }
        console.line("\(good) of \(entries.count) runs ended with the right bytes")
        return good == runCount
    }

    private func make(_ number: Int, expected: String) throws -> CampaignEvidence.Entry {
        let run = draw.run(number)
        let output = folder + "/run-\(number)"
        try? FileManager.default.removeItem(atPath: output)
        var settings = settings
        settings.outputDirectory = output
        settings.cluster.workers = run.workers
        let file = output + ".yaml"
        try Data(settings.canonicalText.utf8).write(to: URL(fileURLWithPath: file))
        let recoveryFile = output + ".recoveries"
        try? FileManager.default.removeItem(atPath: recoveryFile)
        let flags = ["--workers", String(run.workers)] + run.flags
        let began = MonotonicClock.now()
        let ended = try simulate(
            ["simulate", "--config", file, "--max-restarts", "50", "--recovery-file", recoveryFile] + run.flags,
            log: output + ".log")
        let (seconds, attoseconds) = MonotonicClock.now().since(began).components
        let recoveries =
            (try? String(contentsOfFile: recoveryFile, encoding: .utf8))?.split(separator: "\n").map(String.init) ?? []
        var faults: [String] = []
        var digest = "-"
        if let ended {
            faults.append(ended)
        } else {
            digest = try UndisturbedRun.adapterDigest(of: settings)
            if digest != expected { faults.append("other bytes than undisturbed") }
            faults += try audit(RunFolder(output))
            if recoveries.count < run.cells.count {
                faults.append("only \(recoveries.count) of \(run.cells.count) faults came about")
            }
        }
        if faults.isEmpty {
            for path in [output, output + ".log", file, recoveryFile] {
                try? FileManager.default.removeItem(atPath: path)
            }
        }
        return CampaignEvidence.Entry(
            run: number, verdict: faults.isEmpty ? "ok" : faults.joined(separator: "; "),
            seconds: Double(seconds) + Double(attoseconds) * 1e-18, adapterDigest: digest,
            command: flags.joined(separator: " "), recoveries: recoveries)
    }

    /// Runs a simulation to its end.
    /// - Returns: How it failed; nil if it did not.
    private func simulate(_ arguments: [String], log: String) throws -> String? {
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.standardOutput = file
        process.standardError = file
        try process.run()
        let deadline = Deadline.after(Self.runTime)
        while process.isRunning, !deadline.hasPassed {
            Thread.sleep(forTimeInterval: 0.02)
        }
        guard !process.isRunning else {
            process.interrupt()
            let patience = Deadline.after(.seconds(20))
            while process.isRunning, !patience.hasPassed { Thread.sleep(forTimeInterval: 0.05) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
            return "no end within \(Self.runTime), see \(log)"
        }
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            return "ended with \(process.terminationReason == .exit ? "exit code" : "signal") "
                + "\(process.terminationStatus), see \(log)"
        }
        return nil
    }

    /// What speaks against the run's ledger and its logs.
    private func audit(_ run: RunFolder) throws -> [String] {
        let ledger = LedgerAudit(
            try Journal.contents(of: AtomicFile.read(run.journal) ?? [], path: run.journal).records)
        var faults = ledger.faults
        if !ledger.holds { faults.append("the ledger proves nothing") }
        for phase in ledger.phases where phase.committed != phase.stepCount {
            faults.append("\(phase.committed) of \(phase.stepCount) steps of the \(phase.name) are committed")
        }
        guard auditsLogs else { return faults }
        let lines = String(decoding: try AtomicFile.read(run.mergedLog) ?? [], as: UTF8.self).split(separator: "\n")
        let records = try lines.enumerated().map { number, line in
            try LogRecord(jsonLine: String(line), path: run.mergedLog, number: number + 1)
        }
        var log = LogAudit()
        for record in records { log.take(record) }
        return faults + log.problems
    }
}
