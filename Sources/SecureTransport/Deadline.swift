//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// A point of CLOCK_MONOTONIC: never set back, not comparable between machines.
package struct MonotonicInstant: Hashable, Comparable, Sendable {
    /// Since an arbitrary start, in nanoseconds.
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The time from `start` to this point; negative where `start` is later.
    package func since(_ start: MonotonicInstant) -> Duration {
        .nanoseconds(nanoseconds - start.nanoseconds)
    }
}

/// The machine's monotonic clock.
package enum MonotonicClock {
    package static func now() -> MonotonicInstant {
        var time = timespec()
        let status = clock_gettime(CLOCK_MONOTONIC, &time)
        precondition(status == 0, "no monotonic clock: \(SystemErrors.text(errno))")
        return MonotonicInstant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// The moment until which something may be waited for.
package struct Deadline: Hashable, Comparable, Sendable {
    /// The moment on the monotonic clock.
    package let instant: MonotonicInstant

    package init(at instant: MonotonicInstant) {
        self.instant = instant
    }

    /// The moment `duration` from now.
    ///
    /// A negative duration has passed already; a huge one ends with the clock's range.
    package static func after(_ duration: Duration) -> Deadline {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds > 0 ? .never : Deadline(at: MonotonicInstant(nanoseconds: 0)) }
        let now = MonotonicClock.now().nanoseconds
        let (sum, tooLate) = now.addingReportingOverflow(whole)
        if tooLate { return .never }
        let (total, late) = sum.addingReportingOverflow(attoseconds / 1_000_000_000)
        return late ? .never : Deadline(at: MonotonicInstant(nanoseconds: total))
    }

    /// Later than any time: for tests, and for waits that a wake signal ends.
    package static let never = Deadline(at: MonotonicInstant(nanoseconds: .max))

    package static func < (left: Self, right: Self) -> Bool {
        left.instant < right.instant
    }

    /// What is left; zero where it has passed.
    package var remaining: Duration {
        .nanoseconds(max(0, instant.nanoseconds - MonotonicClock.now().nanoseconds))
    }

    package var hasPassed: Bool {
        MonotonicClock.now() >= instant
    }

    /// What is left as poll(2) wants it: milliseconds, rounded up so that a wait never ends just before the deadline.
    var pollMilliseconds: Int32 {
        let left = max(0, instant.nanoseconds - MonotonicClock.now().nanoseconds)
        let milliseconds = left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1)
        return Int32(min(milliseconds, Int64(Int32.max)))
    }
}
