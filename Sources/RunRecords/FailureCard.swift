//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why a run failed, on one card: who failed first, on which host, at which step, its last lines, what the others waited
/// for, and what to try.
///
/// A value, built from the failure and the records around it.
package struct FailureCard: Sendable, Hashable {
    /// What a worker was at when the run was given up.
    package struct Standing: Sendable, Hashable {
        package let worker: String
        /// A sentence that goes on from the worker's name: "waits for the sums of the others".
        package let activity: String

        package init(worker: String, activity: String) {
            self.worker = worker
            self.activity = activity
        }
    }

    /// What is known of a failure.
    package struct Facts: Sendable {
        /// Why the run ended, in words.
        package var failure: String
        /// The workers that it is about.
        package var workers: [String] = []
        /// Where the run was: "step 12 of 40 of the fine-tune"; nil before there was work.
        package var place: String?
        /// The hosts of the workers.
        package var hosts: [String: String] = [:]
        package var standings: [Standing] = []
        package var recent = RecentRecords()
        /// What happened before this time, in nanoseconds since 1970, the run has survived.
        package var since = Int.min
        /// The run folder.
        package var folder: String

        package init(failure: String, folder: String) {
            self.failure = failure
            self.folder = folder
        }
    }

    /// How many of its last lines are shown.
    private static let quotedLineLimit = 8

    /// Who failed first; nil where no worker did.
    package let worker: String?
    /// The card's rows: a heading and its lines.
    package let rows: [(String, [String])]

    package init(_ facts: Facts) {
        let cause = FailureCause(facts.recent.records.filter { $0.wallNanoseconds >= facts.since })
        let worker = cause?.worker ?? facts.workers.first
        self.worker = worker
        var rows: [(String, [String])] = []
        if let worker {
            rows.append(("first", [worker + (facts.hosts[worker].map { " on \($0)" } ?? "")]))
        }
        rows.append(("why", [cause.map(\.reason) ?? facts.failure]))
        if cause != nil, cause?.reason != facts.failure {
            rows.append(("then", [facts.failure]))
        }
        if let place = cause?.place ?? facts.place {
            rows.append(("where", [place]))
        }
        if let worker {
            let last = facts.recent.records(of: worker).suffix(Self.quotedLineLimit)
            rows.append(("last lines", last.isEmpty ? ["none arrived"] : last.map(\.plainLine)))
        }
        let others = EqualLines.folded(
            facts.standings.filter { $0.worker != worker }.map { ($0.worker, $0.activity) })
        if !others.isEmpty {
            rows.append(("the others", others))
        }
        rows.append(("to try", FailureRemedy.lines(cause: cause, facts: facts)))
        rows.append(("all of it", ["loradrop logs \(facts.folder) --level warning"]))
        self.rows = rows
    }

    /// The card as a terminal shows it.
    package var lines: [String] {
        let width = rows.map(\.0.count).max() ?? 0
        var lines = ["the run has failed"]
        for (heading, texts) in rows {
            for (place, text) in texts.enumerated() {
                let label = place == 0 ? heading : ""
                lines.append(
                    "  " + label + String(repeating: " ", count: width + 2 - label.count) + DisplayText.line(text))
            }
        }
        return lines
    }

    package static func == (left: FailureCard, right: FailureCard) -> Bool {
        left.lines == right.lines
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(lines)
    }
}

/// The record that tells of the first failure.
struct FailureCause: Sendable {
    let worker: String
    let reason: String
    /// Where the worker was, as it says itself.
    let place: String?
    let ending: ProcessEnding?
    /// The failure's code, as the worker names it.
    let code: String?

    /// Codes of workers that failed because others had.
    private static let consequences: Set<String> = ["peerLost", "deadline"]

    /// The first failure that is no consequence of another one; nil where no record tells of one.
    ///
    /// - Parameter records: by time.
    init?(_ records: [LogRecord]) {
        let givenUp = records.first { $0.event == LogEvents.runFailing }?.wallNanoseconds ?? Int.max
        var victims: Set<String> = []
        for record in records where record.level >= .warning {
            switch record.event {
            case LogEvents.workerFailed:
                let code: String? = if case .text(let code)? = record.fields["code"] { code } else { nil }
                if let code, Self.consequences.contains(code) {
                    victims.insert(record.worker)
                    continue
                }
                self.init(record, ending: nil, code: code)
                return
            case LogEvents.processEnded:
                if case .integer(let number)? = record.fields["signal"], record.level == .error {
                    self.init(record, ending: .signal(number), code: nil)
                    return
                }
                // Those that are told that the run has failed end with an exit code too.
                guard case .integer(let code)? = record.fields["exit_code"], record.level == .error,
                    record.wallNanoseconds <= givenUp,
                    !victims.contains(record.worker)
                else { continue }
                self.init(record, ending: .exit(code: code), code: nil)
                return
            default:
                continue
            }
        }
        return nil
    }

    private init(_ record: LogRecord, ending: ProcessEnding?, code: String?) {
        worker = record.worker
        reason = record.message
        self.ending = ending
        self.code = code
        if case .text(let phase)? = record.fields["phase"], case .integer(let step)? = record.fields["step"] {
            place = "step \(step) of the \(phase)"
        } else {
            place = nil
        }
    }
}
