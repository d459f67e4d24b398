//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What happens in a run, as whoever started its coordinator is told.
///
/// One line of text each: the time on CLOCK_MONOTONIC in nanoseconds, `?` or `!`, the name, its values; tabs between.
package enum RunEvent: Sendable, Hashable {
    /// Workers may call.
    case listening(endpoint: String)
    case phaseBegan(phase: String, step: Int)
    /// A step is committed; steps are counted from 1.
    case committed(phase: String, step: Int)
    case reached(Stage)
    /// A record of the coordinator's own log.
    case logged(event: String, message: String)
    case rosterReady(generation: Int, workers: [String])

    /// A place in the run that is no step.
    package enum Stage: String, Sendable, Hashable {
        /// A pass that scores layers was given out.
        case importance
        /// The layers are about to be decided.
        case decision
        /// An evaluation pass was given out.
        case evaluation
        /// A worker was asked for its state.
        case checkpoint
        /// The adapter is about to be written.
        case export
    }

    /// The longest line that is read.
    package static let lineLimit = 1 << 16

    var fields: [String] {
        switch self {
        case .listening(let endpoint): ["listening", endpoint]
        case .phaseBegan(let phase, let step): ["phase", phase, String(step)]
        case .committed(let phase, let step): ["committed", phase, String(step)]
        case .reached(let stage): ["reached", stage.rawValue]
        case .logged(let event, let message): ["logged", event, String(message.prefix(2000))]
        case .rosterReady(let generation, let workers): ["roster", String(generation)] + workers
        }
    }

    init?(fields: [String]) {
        switch (fields.first, fields.count) {
        case ("listening", 2): self = .listening(endpoint: fields[1])
        case ("phase", 3):
            guard let step = Int(fields[2]) else { return nil }
            self = .phaseBegan(phase: fields[1], step: step)
        case ("committed", 3):
            guard let step = Int(fields[2]) else { return nil }
            self = .committed(phase: fields[1], step: step)
        case ("reached", 2):
            guard let stage = Stage(rawValue: fields[1]) else { return nil }
            self = .reached(stage)
        case ("logged", 3): self = .logged(event: fields[1], message: fields[2])
        case ("roster", 2...):
            guard let generation = Int(fields[1]) else { return nil }
            self = .rosterReady(generation: generation, workers: Array(fields[2...]))
        default: return nil
        }
    }
}

/// An event with its time, as it is told.
package struct ToldEvent: Sendable, Hashable {
    /// On CLOCK_MONOTONIC, which the processes of a machine share.
    package let nanoseconds: Int64
    /// Whether the run waits for an answer before it goes on.
    package let waits: Bool
    package let event: RunEvent

    package init(nanoseconds: Int64, waits: Bool, event: RunEvent) {
        self.nanoseconds = nanoseconds
        self.waits = waits
        self.event = event
    }

    package var line: String {
        let fields = [String(nanoseconds), waits ? "?" : "!"] + event.fields
        return fields.map { field in
            String(field.map { $0.isNewline || $0 == "\t" ? " " : $0 })
        }.joined(separator: "\t")
    }

    /// Reads a line; nil if it is none of ours.
    package init?(line: String) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 3, let nanoseconds = Int64(fields[0]), ["?", "!"].contains(fields[1]),
            let event = RunEvent(fields: Array(fields[2...]))
        else { return nil }
        self.init(nanoseconds: nanoseconds, waits: fields[1] == "?", event: event)
    }
}

/// What is said to a coordinator by whoever started it.
package enum RunOrder: Sendable, Hashable {
    /// The event that the run waits at has been dealt with.
    case goOn
    /// The process of a worker has ended.
    case ended(worker: String, reason: String, returns: Bool)

    package var line: String {
        switch self {
        case .goOn: "go"
        case .ended(let worker, let reason, let returns):
            ["ended", worker, returns ? "returns" : "gone", reason].map { field in
                String(field.prefix(4000).map { $0.isNewline || $0 == "\t" ? " " : $0 })
            }.joined(separator: "\t")
        }
    }

    package init?(line: String) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        switch (fields.first, fields.count) {
        case ("go", 1): self = .goOn
        case ("ended", 4): self = .ended(worker: fields[1], reason: fields[3], returns: fields[2] == "returns")
        default: return nil
        }
    }
}
