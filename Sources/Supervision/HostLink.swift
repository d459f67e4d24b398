//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import SecureTransport
import Synchronization

/// One host of a launch, as the launcher sees it: what it was asked to do, and what became of it.
package final class HostLink: Sendable {
    private struct State {
        var folder: String
        /// From then on something may run there.
        var wasStarted = false
        var hasFinished = false
        var failure: String?
        var eventCount = 0
    }

    package let host: Hostfile.Host
    package let worker: String
    private let shell: RemoteShell
    private let program: String
    private let state: Mutex<State>

    /// - Parameters:
    ///   - folder: The folder of the launch there; `~/` at its start is the home folder there.
    ///   - program: The program there.
    package init(
        _ host: Hostfile.Host, worker: String, shell: RemoteShell, program: String, folder: String,
        wasStarted: Bool = false
    ) {
        self.host = host
        self.worker = worker
        self.shell = shell
        self.program = program
        state = Mutex(State(folder: folder, wasStarted: wasStarted))
    }

    package var folder: String { state.withLock { $0.folder } }
    /// Why its worker is lost; nil where it is not.
    package var failure: String? { state.withLock { $0.failure } }
    /// Whether its supervisor has said its last word.
    package var hasFinished: Bool { state.withLock { $0.hasFinished } }
    package var label: String { "\(host.name) (\(worker))" }

    /// A command of `loradrop supervise` for the host's shell, in the user's environment there with ours added.
    package func script(_ verb: String, _ arguments: [String] = []) -> String {
        let environment = shell.options.environment.map(\.text)
        let prefix = environment.isEmpty ? "" : "env " + ShellText.line(environment) + " "
        return "exec \(prefix)\(ShellText.path(program)) supervise \(verb) \(ShellText.path(folder))"
            + (arguments.isEmpty ? "" : " " + ShellText.line(arguments))
    }

    /// Looks at the host and brings the release there where it is missing or not whole.
    /// - Returns: The address by which the host sees this machine; nil where it does not say.
    func install(
        _ release: Release, within seconds: Double, interruption: Interruption, console: (String) -> Void
    ) throws -> String? {
        let answer = try shell.check(
            release.checkScript(in: shell.options.workdir), on: host.name, until: .after(.seconds(60)),
            interruption: interruption)
        // A user's shell there may greet before.
        let lines = answer.split(separator: "\n").suffix(3).map(String.init)
        guard lines.count == 3, ["installed", "missing"].contains(lines[2]) else {
            throw SupervisionError(.remoteFailure, "\(host.name): expected an answer of three lines, found: \(answer)")
        }
        guard lines[0] == Self.platform else {
            throw SupervisionError(
                .remoteFailure,
                "\(host.name) is \(lines[0]), the release is for \(Self.platform): such hosts need a "
                    + "run of their own kind")
        }
        if lines[2] == "missing" {
            console("\(host.name): installing \(release.byteCount >> 20) MiB, build \(release.digest.prefix(12))")
            try release.install(
                on: host.name, shell, until: .after(.seconds(seconds)), interruption: interruption)
        }
        return lines[1] == "-" ? nil : lines[1]
    }

    private static let platform: String = {
        var name = utsname()
        uname(&name)
        func text<T>(_ field: T) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(name.sysname)) \(text(name.machine))"
    }()

    /// Makes the folder and the worker's key there.
    /// - Returns: The request to certify it.
    func prepare(interruption: Interruption) throws -> CertificateRequest {
        let answer = try shell.check(
            script("prepare", ["--name", worker]), on: host.name, until: .after(.seconds(60)),
            interruption: interruption)
        let preparation: HostCommands.Preparation = try Self.lastLine(answer, from: host.name)
        guard preparation.folder.hasPrefix("/"), let request = preparation.requests[worker] else {
            throw SupervisionError(.remoteFailure, "\(host.name): no certificate request for \(worker) in: \(answer)")
        }
        state.withLock { $0.folder = preparation.folder }
        return try CertificateRequest(pem: request, from: host.name)
    }

    private static func lastLine<Value: Decodable>(_ answer: String, from source: String) throws -> Value {
        let line = answer.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
        return try StateFolder.parse(Data(line.utf8), from: source)
    }

    /// Starts the supervisor there.
    func start(_ specification: Specification, interruption: Interruption) throws {
        // Before the command is sent: whatever becomes of it, the host has to be told of the end.
        state.withLock { $0.wasStarted = true }
        _ = try shell.check(
            script("start"), on: host.name, input: Array(try StateFolder.text(specification).utf8),
            until: .after(.seconds(60)), interruption: interruption)
    }

    /// Reports what happens there until the supervisor ends or the host is out of reach for too long.
    ///
    /// A connection that is lost is made anew.
    package func watch(
        hostTimeout: Double, interruption: Interruption, event: @escaping (SupervisionEvent) -> Void
    ) {
        var lastContact = MonotonicClock.now()
        var wasLost = false
        while !interruption.isRequested {
            let first = state.withLock { $0.eventCount }
            var words = ""
            do {
                let output = try shell.follow(
                    script("watch", ["--from", String(first)]), on: host.name, until: .never,
                    interruption: interruption
                ) { line in
                    lastContact = MonotonicClock.now()
                    self.take(line, event)
                }
                if hasFinished { return }
                if output.end == .exit(0) {
                    return fail("its supervisor ended without a last word", event)
                }
                words = output.errorText
            } catch let error as SupervisionError where error.code == .interrupted {
                return
            } catch {
                words = "\(error)"
            }
            // A connection that stood for a while was in contact until about now.
            let silence = MonotonicClock.now().since(lastContact) / .seconds(1)
            if !wasLost {
                wasLost = true
                lastContact = MonotonicClock.now()
                note("lost the connection: \(words)", event)
            } else if silence > hostTimeout {
                return fail("out of reach for \(Int(silence)) s: \(words)", event)
            }
            _ = try? interruption.wait(until: .after(.seconds(1)), for: { false })
            if (try? shell.check("true", on: host.name, until: .after(.seconds(20)), interruption: interruption)) != nil
            {
                lastContact = MonotonicClock.now()
                if wasLost { note("reached again", event) }
                wasLost = false
            }
        }
    }

    private func take(_ line: String, _ event: (SupervisionEvent) -> Void) {
        guard let found: SupervisionEvent = try? StateFolder.parse(Data(line.utf8), from: host.name) else {
            return note("said what is no event: \(line.prefix(200))", event)
        }
        state.withLock { state in
            state.eventCount += 1
            if found.kind == .finished { state.hasFinished = true }
            if found.kind == .failed { state.failure = found.message }
        }
        event(found)
    }

    private func fail(_ reason: String, _ event: (SupervisionEvent) -> Void) {
        state.withLock { $0.failure = reason }
        var found = SupervisionEvent(.failed)
        found.name = worker
        found.message = reason
        event(found)
    }

    private func note(_ words: String, _ event: (SupervisionEvent) -> Void) {
        var found = SupervisionEvent(.notice)
        found.message = words
        event(found)
    }

    /// What runs there.
    package func status(until deadline: Deadline) throws -> HostCommands.Status {
        let answer = try shell.check(script("status"), on: host.name, until: deadline)
        return try Self.lastLine(answer, from: host.name)
    }

    /// Ends what was started there, also where the start was still on its way; tries again where the host is out of
    /// reach.
    /// - Parameter patience: Seconds of trying.
    /// - Returns: nil, or why something may be left.
    package func end(grace: Double, patience: Double) -> String? {
        guard state.withLock({ $0.wasStarted }) else { return nil }
        let deadline = Deadline.after(.seconds(patience))
        while true {
            do {
                _ = try shell.check(
                    script("end", ["--grace", String(grace)]), on: host.name, until: .after(.seconds(grace + 40)))
                return nil
            } catch {
                if deadline.hasPassed { return "\(error)" }
                ProcessTable.pause(milliseconds: 1000)
            }
        }
    }
}
