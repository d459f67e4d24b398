//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import SecureTransport

/// A process that this one started, in a session of its own: signals of our terminal do not reach it.
///
/// Not thread-safe: one thread starts it and sees its end.
package final class ChildProcess {
    /// How a process ended.
    package enum End: Hashable, Sendable, CustomStringConvertible {
        case exit(Int32)
        case signal(Int32)

        package var description: String {
            switch self {
            case .exit(let code): "exit code \(code)"
            case .signal(let number): "killed by signal \(number)"
            }
        }
    }

    package let processID: Int32
    private(set) var end: End?

    /// Starts a program.
    /// - Parameters:
    ///   - environment: The whole environment, `KEY=VALUE` each; nil for ours.
    ///   - descriptors: What becomes its descriptors 0, 1 and 2.
    /// - Throws: `.cannotStart`.
    package init(
        _ executable: String, _ arguments: [String], environment: [String]? = nil,
        descriptors: (input: Int32, output: Int32, error: Int32)
    ) throws(SupervisionError) {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (target, source) in [descriptors.input, descriptors.output, descriptors.error].enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
        }
        // What we ignore or block is our own affair; only the user's choice to ignore SIGHUP (nohup) is passed on.
        var defaults = sigset_t()
        var mask = sigset_t()
        sigemptyset(&defaults)
        sigemptyset(&mask)
        for number in [SIGINT, SIGTERM, SIGPIPE, SIGQUIT, SIGCHLD] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setsigmask(&attributes, &mask)
        // spawn.h keeps POSIX_SPAWN_SETSID behind _GNU_SOURCE.
        let newSession: Int16 = 0x80
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) | newSession)

        let words = ([executable] + arguments).map { strdup($0) } + [nil]
        let settings = (environment ?? Self.ownEnvironment).map { strdup($0) } + [nil]
        defer {
            for word in words + settings { free(word) }
        }
        var processID: pid_t = 0
        let status = posix_spawnp(&processID, executable, &actions, &attributes, words, settings)
        guard status == 0 else {
            throw SupervisionError(
                .cannotStart, "cannot start \(executable): \(String(cString: strerror(status))) (errno \(status))")
        }
        self.processID = processID
    }

    /// This process's environment, `KEY=VALUE` each.
    package static var ownEnvironment: [String] {
        ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
    }

    /// This process's environment with entries added; one of the same name gives way.
    package static func environment(adding entries: [String]) -> [String] {
        let names = Set(entries.map { $0.prefix { $0 != "=" } })
        return ownEnvironment.filter { !names.contains($0.prefix { $0 != "=" }) } + entries
    }

    /// Looks whether it has ended.
    @discardableResult
    package func poll() -> End? {
        if let end { return end }
        var status: Int32 = 0
        guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
        // wait(2): the low seven bits are the signal, the next byte the exit code.
        let signal = status & 0x7F
        end = signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
        return end
    }

    /// Sends a signal, unless it has ended: as long as nobody waited for it, its id is its own.
    package func send(_ signal: Int32) {
        if poll() == nil { kill(processID, signal) }
    }

    /// Waits for its end.
    /// - Returns: nil where the deadline passed.
    package func wait(until deadline: Deadline) -> End? {
        while true {
            if let end = poll() { return end }
            if deadline.hasPassed { return nil }
            ProcessTable.pause(milliseconds: 5)
        }
    }
}
