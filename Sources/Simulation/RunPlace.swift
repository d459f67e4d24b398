//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A place in a run that a fault is tied to: an event, never a time.
package struct RunPlace: Hashable, Sendable, CustomStringConvertible {
    /// What happens there.
    package enum Event: String, Hashable, Sendable, CaseIterable {
        /// A step of the probe is committed.
        case probe
        /// A step of the fine-tuning is committed.
        case fineTune = "fine-tune"
        /// A pass that scores layers is given out.
        case importance
        /// The layers are decided.
        case decision
        /// An evaluation pass is given out.
        case evaluation
        /// A worker is asked for its state, for a checkpoint.
        case checkpoint
        /// The adapter is about to be written.
        case export

        /// Whether places of it are counted in steps rather than in occurrences.
        package var isStep: Bool { self == .probe || self == .fineTune }
    }

    package let event: Event
    /// Of probe and fine-tuning the committed step; of everything else the how-manieth time it happens, from 1.
    package let count: Int

    package init(_ event: Event, _ count: Int = 1) {
        self.event = event
        self.count = count
    }

    /// Parses `20` (a step of the fine-tuning), `probe:5`, `evaluation:2`, `decision`.
    /// - Throws: `FaultPlanError`.
    package init(parsing text: String) throws(FaultPlanError) {
        let expected =
            "expected a step of the fine-tuning (20), a step of the probe (probe:5), or one of "
            + Event.allCases.filter { !$0.isStep }.map(\.rawValue).joined(separator: ", ") + ", also as evaluation:2"
        if let step = Int(text) {
            guard step > 0 else { throw FaultPlanError("\"\(text)\": steps are counted from 1") }
            self.init(.fineTune, step)
            return
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let event = Event(rawValue: String(parts[0])) else {
            throw FaultPlanError("\"\(text)\" is no place in a run: \(expected)")
        }
        guard parts.count == 2 else {
            guard !event.isStep else { throw FaultPlanError("\"\(text)\" lacks the step: \(expected)") }
            self.init(event)
            return
        }
        guard let count = Int(parts[1]), count > 0 else {
            throw FaultPlanError("\"\(text)\": \"\(parts[1])\" is no number from 1: \(expected)")
        }
        self.init(event, count)
    }

    package var description: String {
        event.isStep
            ? "step \(count) of the \(event.rawValue)" : count == 1 ? event.rawValue : "\(event.rawValue) \(count)"
    }
}

/// A fault that cannot be understood, or that the cluster has no place for.
package struct FaultPlanError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
