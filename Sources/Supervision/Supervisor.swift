//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport

/// The parent of a host's processes: starts them, keeps what they wrote to standard error, sees how they end, starts
/// them again, and ends them.
///
/// It lives in a session of its own and outlives whoever started it. It ends when its programs have, when `ending`
/// stands in its folder, or on INT or TERM.
package final class Supervisor {
    private struct Entry {
        let program: Specification.Program
        var state: ProgramState
        var child: ChildProcess?
        var startedAt = MonotonicClock.now()
        /// When it is to be started; nil while it runs and after its last end.
        var startAt: MonotonicInstant? = MonotonicClock.now()
        var starts = 0
        var hasFailed = false
    }

    private let folder: StateFolder
    private let interruption: Interruption
    private var entries: [Entry]
    /// When everything is killed that has not ended by itself.
    private var killAt: Deadline?
    /// The seconds that led to it: who is in a greater hurry is heard, too.
    private var grace = Double.infinity

    /// Of what a process writes to standard error so much is kept.
    private static let largestErrorFile = 8 << 20
    private static let quotedBytes = 4000
    /// Seconds that processes have when the supervisor is told to end by a signal.
    private static let defaultGrace = 10.0

    /// - Throws: `.file` where the folder has no specification.
    package init(_ folder: StateFolder, interruption: Interruption) throws {
        self.folder = folder
        self.interruption = interruption
        entries = try folder.specification().programs.map { Entry(program: $0, state: ProgramState($0)) }
    }

    /// Runs until nothing is left to run.
    /// - Returns: Whether all programs ended as they should.
    /// - Throws: `.file` where the folder cannot be written; everything that was started has ended then.
    package func run() throws -> Bool {
        do {
            while entries.contains(where: { $0.child != nil || $0.startAt != nil }) {
                try tick()
                ProcessTable.pause(milliseconds: 50)
            }
        } catch {
            killAll()
            throw error
        }
        let isSound = !entries.contains(where: \.hasFailed)
        var event = SupervisionEvent(.finished)
        event.message = isSound ? "all programs have ended" : "not all programs ended as they should"
        try folder.append(event)
        return isSound
    }

    private func tick() throws {
        if let grace = folder.ending { beginEnding(within: grace) }
        if interruption.isRequested { beginEnding(within: Self.defaultGrace) }
        if let killAt, killAt.hasPassed {
            for entry in entries { entry.child?.send(SIGKILL) }
        }
        for index in entries.indices {
            if let child = entries[index].child {
                trimErrors(of: entries[index].program.name)
                if let end = child.poll() { try ended(index, end) }
            } else if let startAt = entries[index].startAt, MonotonicClock.now() >= startAt {
                try start(index)
            }
        }
    }

    private func beginEnding(within grace: Double) {
        guard grace < self.grace else { return }
        let isFirst = killAt == nil
        self.grace = grace
        killAt = .after(.seconds(grace))
        for index in entries.indices where isFirst {
            entries[index].startAt = nil
            entries[index].child?.send(SIGTERM)
        }
    }

    private func start(_ index: Int) throws {
        let program = entries[index].program
        let errors = open(
            folder.errorFile(of: program.name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_TRUNC, 0o600)
        let output = open(program.outputFile ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer {
            for number in [errors, output, input] where number >= 0 { _ = close(number) }
        }
        guard errors >= 0, output >= 0, input >= 0 else {
            throw SupervisionError(.file, "cannot open the output files of \(program.name): errno \(errno)")
        }
        var arguments = program.arguments
        if entries[index].starts > 0, let file = program.endpointFile,
            let text = try? String(contentsOfFile: file, encoding: .utf8),
            let endpoint = try? Endpoint(parsing: text.trimmingCharacters(in: .whitespacesAndNewlines))
        {
            // Whoever was told the address has to find it again.
            arguments += ["--cluster.port", String(endpoint.port)]
        }
        try folder.locked {
            // Declared while we waited for the lock: whoever declared it counts on nothing being started any more.
            guard folder.ending == nil else {
                entries[index].startAt = nil
                return
            }
            var event = SupervisionEvent(.started)
            event.name = program.name
            event.start = entries[index].starts
            entries[index].startAt = nil
            entries[index].starts += 1
            let child = try ChildProcess(
                program.executable, arguments, environment: ChildProcess.environment(adding: program.environment),
                descriptors: (input, output, errors))
            entries[index].child = child
            entries[index].startedAt = MonotonicClock.now()
            // Nobody has waited for it: even if it has ended already, the id is its own and only its record is void.
            if let record = ProcessRecord(processID: child.processID) {
                try folder.setProcess(record, of: program.name)
            }
            event.processID = child.processID
            try folder.append(event)
        }
    }

    private func ended(_ index: Int, _ end: ChildProcess.End) throws {
        let program = entries[index].program
        let ranFor = MonotonicClock.now().since(entries[index].startedAt)
        let farewell = program.farewellFile.map { FileManager.default.fileExists(atPath: $0) } ?? false
        var event = SupervisionEvent(.ended)
        event.name = program.name
        event.processID = entries[index].child?.processID
        event.start = entries[index].starts - 1
        if case .exit(let code) = end { event.exitCode = code }
        entries[index].child = nil
        let words = Self.tail(of: folder.errorFile(of: program.name))
        let quoted = words.isEmpty ? "" : "; it said: \(words)"
        if killAt != nil {
            event.message = "\(end), as it was told to end"
        } else {
            switch entries[index].state.ended(end, ranFor: ranFor / .seconds(1), saidFarewell: farewell) {
            case .done:
                event.message = "\(end)"
            case .restart(let pause):
                event.kind = .restarting
                event.message = "\(end)\(quoted); restart \(entries[index].state.restarts) of \(program.maxRestarts) "
                event.message += "in \(Int(pause)) s"
                entries[index].startAt = Deadline.after(.seconds(pause)).instant
            case .failed(let reason):
                event.kind = .failed
                event.message = reason + quoted
                entries[index].hasFailed = true
            }
        }
        try folder.append(event)
    }

    private func killAll() {
        for entry in entries {
            entry.child?.send(SIGKILL)
            _ = entry.child?.wait(until: .after(.seconds(10)))
        }
    }

    /// Keeps the file of a process that never stops writing from filling the disk.
    private func trimErrors(of name: String) {
        var status = stat()
        let file = folder.errorFile(of: name)
        if stat(file, &status) == 0, status.st_size > Self.largestErrorFile { truncate(file, 0) }
    }

    private static func tail(of path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path), let size = try? file.seekToEnd(),
            (try? file.seek(toOffset: size > UInt64(quotedBytes) ? size - UInt64(quotedBytes) : 0)) != nil,
            let bytes = try? file.readToEnd()
        else { return "" }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
