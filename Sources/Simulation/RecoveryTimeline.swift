//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Cluster
import Foundation

/// What a run did about its faults, with times: a value made from the events that it told.
package struct RecoveryTimeline: Sendable {
    /// Something that happened, on the monotonic clock.
    private struct Entry {
        var nanoseconds: Int64
        var text: String
    }

    /// A fault and the way back from it.
    package struct Recovery: Sendable, Hashable {
        package let fault: Fault
        package let at: Int64
        /// When somebody was first lost after it; nil if nobody was.
        package fileprivate(set) var noticed: Int64?
        /// When the next generation was formed after that.
        package fileprivate(set) var formed: Int64?
        /// When the next step was committed: by the new generation, if there was one.
        package fileprivate(set) var committed: Int64?

        /// Seconds from the fault to the next committed step; nil if none followed.
        package var seconds: Double? { committed.map { Double($0 - at) * 1e-9 } }
    }

    /// Records of the coordinator that tell of a recovery.
    private static let shown: Set<String> = [
        "worker-lost", "worker-asks", "worker-refused", "generation-over", "waiting", "deviation",
    ]

    private var entries: [Entry] = []
    package private(set) var recoveries: [Recovery] = []
    private var began: Int64?
    private var awaitsStep = false

    package init() {}

    /// A fault was brought about.
    package mutating func add(_ fault: Fault, at nanoseconds: Int64) {
        recoveries.append(Recovery(fault: fault, at: nanoseconds))
        note("FAULT  \(fault)", at: nanoseconds)
        awaitsStep = true
    }

    /// Something was done about a fault by those who simulate: a process was continued, or started again.
    package mutating func note(_ text: String, at nanoseconds: Int64) {
        began = began ?? nanoseconds
        entries.append(Entry(nanoseconds: nanoseconds, text: text))
    }

    package mutating func take(_ told: ToldEvent) {
        began = began ?? told.nanoseconds
        let now = told.nanoseconds
        switch told.event {
        case .logged(let event, let message):
            guard !recoveries.isEmpty, Self.shown.contains(event) else { return }
            entries.append(Entry(nanoseconds: now, text: "\(event)  \(message)"))
            if event == "worker-lost" {
                update { $0.noticed = $0.noticed ?? now }
            }
        case .rosterReady(let generation, let workers):
            guard !recoveries.isEmpty else { return }
            entries.append(
                Entry(nanoseconds: now, text: "generation \(generation): \(workers.joined(separator: ", "))"))
            // A step that the old generation still committed was not the recovery.
            update {
                $0.formed = now
                $0.committed = nil
            }
            awaitsStep = true
        case .committed(let phase, let step):
            update { $0.committed = $0.committed ?? now }
            if awaitsStep {
                awaitsStep = false
                entries.append(Entry(nanoseconds: now, text: "step \(step) of the \(phase) is committed"))
            }
        case .listening(let endpoint):
            guard !recoveries.isEmpty else { return }
            entries.append(Entry(nanoseconds: now, text: "the coordinator listens at \(endpoint)"))
        case .phaseBegan, .reached:
            break
        }
    }

    /// Only the last fault, and those that are not overcome, change by what happens now.
    private mutating func update(_ change: (inout Recovery) -> Void) {
        for place in recoveries.indices where place == recoveries.count - 1 || recoveries[place].committed == nil {
            change(&recoveries[place])
        }
    }

    /// A line an event, with the time since the first and since the last fault.
    package var lines: [String] {
        guard !recoveries.isEmpty else { return [] }
        var lines = ["recovery timeline"]
        var fault: Int64?
        for entry in entries {
            let since = seconds(entry.nanoseconds - (began ?? entry.nanoseconds))
            if entry.text.hasPrefix("FAULT") { fault = entry.nanoseconds }
            let after = fault.map { "+\(seconds(entry.nanoseconds - $0))" } ?? ""
            lines.append("  \(since) s  \(after.padding(toLength: 10, withPad: " ", startingAt: 0))  \(entry.text)")
        }
        for recovery in recoveries {
            guard let time = recovery.seconds else { continue }
            lines.append("  \(String(format: "%.3f", time)) s to the next committed step  (\(recovery.fault))")
        }
        return lines
    }

    /// The recoveries for other programs: a line each, with tabs between the kind of the fault, the event it
    /// came at, and the seconds until it was noticed, a generation was formed and a step committed (- for
    /// never).
    package var table: String {
        recoveries.map { recovery in
            let times = [recovery.noticed, recovery.formed, recovery.committed].map { time in
                time.map { String(format: "%.6f", Double($0 - recovery.at) * 1e-9) } ?? "-"
            }
            return ([recovery.fault.kind, recovery.fault.place.event.rawValue] + times).joined(separator: "\t") + "\n"
        }.joined()
    }

    private func seconds(_ nanoseconds: Int64) -> String {
        String(format: "%7.3f", Double(nanoseconds) * 1e-9)
    }
}
