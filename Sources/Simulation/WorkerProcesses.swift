//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Synchronization

/// The worker processes that this process started: what they wrote to stderr, how they ended, and their end with ours.
final class WorkerProcesses: Sendable {
    private struct State {
        var processes: [(name: String, process: Process, errorFile: String)] = []
        var ended: (@Sendable (_ name: String, _ reason: String) -> Void)?
        var isEnding = false
    }

    private let state = Mutex(State())

    /// How much of a process's stderr an error quotes.
    private static let quotedBytes: UInt64 = 2000

    /// Whom to tell when a process ends that was not asked to.
    func watch(_ ended: @escaping @Sendable (_ name: String, _ reason: String) -> Void) {
        state.withLock { $0.ended = ended }
    }

    /// Starts one worker.
    ///
    /// It is in a process group of its own: a Ctrl-C is for the coordinator, which tells the workers.
    func start(_ name: String, executable: String, arguments: [String], errorFile: String) throws {
        _ = FileManager.default.createFile(atPath: errorFile, contents: nil)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errorFile))
        process.terminationHandler = { [weak self] process in
            self?.ended(name, process, errorFile: errorFile)
        }
        try process.run()
        state.withLock { $0.processes.append((name, process, errorFile)) }
    }

    /// Waits for all processes and ends those that do not end by themselves.
    func end(within seconds: Double) {
        let processes = state.withLock { state in
            state.isEnding = true
            return state.processes.map(\.process)
        }
        let deadline = Date(timeIntervalSinceNow: seconds)
        while processes.contains(where: \.isRunning), Date() < deadline {
            Thread.sleep(forTimeInterval: 0.01)
        }
        for process in processes where process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    private func ended(_ name: String, _ process: Process, errorFile: String) {
        let listener = state.withLock { $0.isEnding ? nil : $0.ended }
        guard let listener else { return }
        let how =
            process.terminationReason == .uncaughtSignal
            ? "killed by signal \(process.terminationStatus)" : "exit code \(process.terminationStatus)"
        let words = Self.tail(of: errorFile)
        listener(name, words.isEmpty ? how : "\(how); it said: \(words)")
    }

    private static func tail(of path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path), let size = try? file.seekToEnd(),
            (try? file.seek(toOffset: size > quotedBytes ? size - quotedBytes : 0)) != nil,
            let bytes = try? file.readToEnd()
        else { return "" }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
