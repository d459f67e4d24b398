//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What is written of refused callers: each one at first, then one line for many, so that whoever calls again and again
/// fills neither the log nor the disk.
package struct RefusalNotes: Sendable {
    /// Lines that are written one by one within a window.
    package let limit: Int
    /// How long a window is.
    package let window: Duration
    private var windowStart: MonotonicInstant?
    private var written = 0
    private var suppressed = 0
    private var last = ""

    /// - Precondition: `limit` is positive.
    package init(limit: Int = 20, window: Duration = .seconds(10)) {
        precondition(limit > 0, "\(limit) lines a window")
        self.limit = limit
        self.window = window
    }

    /// Notes a refusal.
    /// - Returns: The lines to write now.
    package mutating func note(_ text: String, at now: MonotonicInstant = MonotonicClock.now()) -> [String] {
        var lines = pending(at: now)
        if windowStart == nil { windowStart = now }
        if written < limit {
            written += 1
            lines.append(text)
        } else {
            suppressed += 1
            last = text
        }
        return lines
    }

    /// What is left to write of a window that is over; to be asked now and then.
    package mutating func pending(at now: MonotonicInstant = MonotonicClock.now()) -> [String] {
        guard let start = windowStart, now.since(start) >= window else { return [] }
        let count = suppressed
        windowStart = nil
        written = 0
        suppressed = 0
        guard count > 0 else { return [] }
        return ["\(count) more within \(window), the last: \(last)"]
    }
}
