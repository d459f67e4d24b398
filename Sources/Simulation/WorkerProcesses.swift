//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import RunRecords
import Synchronization

/// The worker processes that this process started: what they wrote to stderr and how they ended as log records, what they
/// could not deliver, and their end with ours.
final class WorkerProcesses: Sendable {
    private struct State {
        var processes: [(name: String, process: Process)] = []
        /// Those whose end is not dealt with yet.
        var living = 0
        var ended: (@Sendable (_ name: String, _ reason: String, _ isClean: Bool) -> Void)?
        var isEnding = false
    }

    private let intake: LogIntake
    private let state = Mutex(State())

    /// How much of a process's stderr an error quotes.
    private static let quotedByteCount = 2000

    /// - Parameter intake: Takes their records.
    init(_ intake: LogIntake) {
        self.intake = intake
    }

    /// Whom to tell when a process ends that was not asked to, and whether with exit code 0.
    func watch(_ ended: @escaping @Sendable (_ name: String, _ reason: String, _ isClean: Bool) -> Void) {
        state.withLock { $0.ended = ended }
    }

    /// Starts one worker.
    ///
    /// It is in a process group of its own: a Ctrl-C is for the coordinator, which tells the workers.
    /// - Parameter spool: Where it keeps what it could not deliver.
    func start(_ name: String, executable: String, arguments: [String], spool: String) throws {
        let capture = StderrCapture(worker: name) { [intake] in intake.keep($0) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = capture.input
        process.terminationHandler = { [weak self] process in
            self?.ended(name, process, capture, spool: spool)
        }
        // Before it runs: its end may come before its start is known here.
        state.withLock { $0.living += 1 }
        do {
            try process.run()
        } catch {
            state.withLock { $0.living -= 1 }
            try capture.handedOver()
            throw error
        }
        state.withLock { $0.processes.append((name, process)) }
        try capture.handedOver()
    }

    /// Sends a signal to the process that last had this name, if it is running.
    func signal(_ name: String, _ signal: Int32) {
        let process = state.withLock { $0.processes.last { $0.name == name }?.process }
        if let process, process.isRunning {
            kill(process.processIdentifier, signal)
        }
    }

    /// Waits for all processes, ends those that do not end by themselves, and takes what they say at last.
    func end(within seconds: Double) {
        let processes = state.withLock { state in
            state.isEnding = true
            return state.processes.map(\.process)
        }
        // One that is stopped could not take its leave.
        for process in processes where process.isRunning {
            kill(process.processIdentifier, SIGCONT)
        }
        let deadline = Date(timeIntervalSinceNow: seconds)
        while processes.contains(where: \.isRunning), Date() < deadline {
            Thread.sleep(forTimeInterval: 0.01)
        }
        for process in processes where process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        // What they said is taken on threads of their own.
        let last = Date(timeIntervalSinceNow: 5)
        while state.withLock({ $0.living }) > 0, Date() < last {
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    private func ended(_ name: String, _ process: Process, _ capture: StderrCapture, spool: String) {
        let (listener, wasAsked) = state.withLock { ($0.isEnding ? nil : $0.ended, $0.isEnding) }
        let status = Int(process.terminationStatus)
        let ending: ProcessEnding =
            process.terminationReason == .uncaughtSignal ? .signal(status) : .exit(code: status)
        let lines = capture.ended(
            ending, processID: Int(process.processIdentifier), wasAsked: wasAsked)
        do {
            try intake.takeSpool(spool, of: name)
        } catch {
            // The records stay in the spool, and this one says so.
            intake.report(.error, "spool-unreadable", "\(name): \(error)")
        }
        if let listener {
            let words = lines.joined(separator: "\n").suffix(Self.quotedByteCount)
            let isClean = process.terminationReason == .exit && status == 0
            listener(name, words.isEmpty ? "\(ending)" : "\(ending); it said: \(words)", isClean)
        }
        state.withLock { $0.living -= 1 }
    }
}
