//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What is written of refused callers: of each kind a few one by one, then one line for many.
///
/// So whoever calls again and again fills neither the log nor the disk, and a flood of one kind hides no other.
package struct RefusalNotes: Sendable {
    /// Lines of a kind that are written one by one within a window.
    package let limit: Int
    /// How long a window is.
    package let window: Duration
    private var kinds: [String: Window] = [:]

    private struct Window {
        let start: MonotonicInstant
        var written = 0
        var suppressed = 0
        var last = ""
    }

    /// Kinds are few and ours; what comes beyond is one kind.
    private static let kindLimit = 64

    /// - Precondition: `limit` is positive.
    package init(limit: Int = 5, window: Duration = .seconds(10)) {
        precondition(limit > 0, "\(limit) lines a window")
        self.limit = limit
        self.window = window
    }

    /// Notes a refusal by an error, whose code is its kind.
    /// - Returns: The lines to write now.
    package mutating func note(_ error: any Error, from caller: String) -> [String] {
        note("\(caller): \(error)", kind: Self.kind(of: error))
    }

    /// The kind of an error: its code where it is one of this module's, else its type.
    package static func kind(of error: any Error) -> String {
        (error as? TransportError).map { "\($0.code)" } ?? "\(type(of: error))"
    }

    /// Notes a refusal.
    /// - Returns: The lines to write now.
    package mutating func note(
        _ text: String, kind: String, at now: MonotonicInstant = MonotonicClock.now()
    ) -> [String] {
        var lines = pending(at: now)
        let kind = kinds[kind] == nil && kinds.count >= Self.kindLimit ? "other" : kind
        var entry = kinds[kind] ?? Window(start: now)
        if entry.written < limit {
            entry.written += 1
            lines.append(text)
        } else {
            entry.suppressed += 1
            entry.last = text
        }
        kinds[kind] = entry
        return lines
    }

    /// What is left to write of windows that are over; to be asked now and then.
    package mutating func pending(at now: MonotonicInstant = MonotonicClock.now()) -> [String] {
        let over = kinds.filter { now.since($0.value.start) >= window }
        var lines: [String] = []
        for (kind, entry) in over.sorted(by: { $0.key < $1.key }) {
            kinds[kind] = nil
            guard entry.suppressed > 0 else { continue }
            lines.append("\(entry.suppressed) more within \(now.since(entry.start)), the last: \(entry.last)")
        }
        return lines
    }
}
