//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Synchronization

/// Shows what a launched run prints and what happens on its hosts, until its coordinator ends.
///
/// For the launcher and for whoever attaches later. One thread calls `follow`; the hosts are watched by threads of
/// their own.
package final class RunFollower {
    /// How following ended.
    package enum Outcome: Sendable, Hashable {
        /// The coordinator ended, with this exit code; nil: by a signal, or it was lost.
        case ended(exitCode: Int32?, message: String)
        /// Too few workers are left.
        case tooFewWorkers(String)
        /// The user asked for an end.
        case interrupted
    }

    private let record: LaunchRecord
    private let links: [HostLink]
    private let minWorkers: Int
    private let hostTimeout: Double
    private let console: @Sendable (String) -> Void
    /// Ends the watching threads.
    private let leaving = Interruption()
    private let watchers = DispatchGroup()
    private var outputOffset: UInt64 = 0
    private var partialLine = Data()
    private var seenEvents = 0

    /// - Parameters:
    ///   - minWorkers: With fewer than this, following ends; 0 to go on whatever happens.
    ///   - fromStart: Whether what was printed so far is shown, too.
    package init(
        _ record: LaunchRecord, links: [HostLink], minWorkers: Int, hostTimeout: Double, fromStart: Bool,
        console: @escaping @Sendable (String) -> Void
    ) {
        self.record = record
        self.links = links
        self.minWorkers = minWorkers
        self.hostTimeout = hostTimeout
        self.console = console
        if !fromStart, let file = FileHandle(forReadingAtPath: record.outputFile) {
            outputOffset = (try? file.seekToEnd()) ?? 0
        }
    }

    /// Begins to watch the hosts.
    package func watchHosts() {
        for link in links {
            watchers.enter()
            let thread = Thread { [leaving, watchers, hostTimeout, console] in
                link.watch(hostTimeout: hostTimeout, interruption: leaving) { event in
                    if let text = Self.text(event) { console("\(link.label): \(text)") }
                }
                watchers.leave()
            }
            thread.start()
        }
    }

    /// Follows until something of `Outcome` happens.
    package func follow(_ interruption: Interruption) -> Outcome {
        while true {
            if let outcome = look() { return outcome }
            if interruption.isRequested { return .interrupted }
            let lost = links.filter { $0.failure != nil }
            if !lost.isEmpty, links.count - lost.count < minWorkers {
                // The coordinator may have ended for the same reason, with a better account of it.
                let deadline = Deadline.after(.seconds(2))
                while !deadline.hasPassed {
                    if let outcome = look() { return outcome }
                    ProcessTable.pause(milliseconds: 50)
                }
                let words = lost.map { "\($0.label): \($0.failure ?? "")" }.joined(separator: "\n  ")
                return .tooFewWorkers(
                    "\(links.count - lost.count) of \(links.count) workers are left, expected at least "
                        + "\(minWorkers):\n  \(words)")
            }
            ProcessTable.pause(milliseconds: 50)
        }
    }

    /// One look at the coordinator: shows what it printed, and tells its end.
    package func look() -> Outcome? {
        let isAlive = record.coordinator.supervisor?.isAlive == true
        let lines = record.coordinator.events(from: seenEvents)
        seenEvents += lines.count
        showOutput()
        for line in lines {
            guard
                let event: SupervisionEvent = try? StateFolder.parse(Data(line.utf8), from: "the coordinator's folder")
            else { continue }
            switch event.kind {
            case .ended, .failed:
                showOutput()
                return .ended(exitCode: event.exitCode, message: event.message)
            case .restarting: console("coordinator: \(event.message)")
            default: break
            }
        }
        if !isAlive {
            showOutput()
            return .ended(exitCode: nil, message: "the coordinator's supervisor is gone")
        }
        return nil
    }

    /// Waits for the hosts' supervisors to end by themselves, as they do after a farewell.
    package func awaitHosts(within seconds: Double, _ interruption: Interruption) {
        let deadline = Deadline.after(.seconds(seconds))
        while links.contains(where: { !$0.hasFinished && $0.failure == nil }), !deadline.hasPassed,
            !interruption.isRequested
        {
            ProcessTable.pause(milliseconds: 50)
        }
    }

    /// Stops watching; nothing of this object runs any more.
    package func leave() {
        leaving.request()
        watchers.wait()
    }

    /// Whole lines only: pieces of a line would mix with what hosts say.
    private func showOutput() {
        guard let file = FileHandle(forReadingAtPath: record.outputFile),
            (try? file.seek(toOffset: outputOffset)) != nil, let piece = try? file.readToEnd(), !piece.isEmpty
        else { return }
        outputOffset += UInt64(piece.count)
        partialLine += piece
        while let end = partialLine.firstIndex(of: UInt8(ascii: "\n")) {
            console(String(decoding: partialLine[..<end], as: UTF8.self))
            partialLine.removeSubrange(...end)
        }
    }

    /// An event for people; nil for those that go without saying.
    private static func text(_ event: SupervisionEvent) -> String? {
        switch event.kind {
        case .started: event.start == 0 ? nil : "started again, process \(event.processID ?? 0)"
        case .ended, .finished: nil
        case .restarting, .failed, .notice: event.message
        }
    }
}
