//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// By how much the clock of a worker differs from that of the coordinator, estimated from messages that carry the time
/// of their sending.
///
/// A message arrives after it was sent, so arrival less sending is the difference of the clocks plus the time under
/// way, and the least over several messages is nearest to the difference. Times that are corrected by it are late by
/// the shortest time under way: nothing that the coordinator caused comes before its cause, and no record before its
/// arrival. Clocks drift, so only the last minute counts.
package struct ClockCorrection: Sendable, Hashable {
    /// The length of half of what is looked back on, in nanoseconds.
    package static let window = 30_000_000_000

    private var current: Int?
    private var previous: Int?
    private var windowEnd = Int.min

    package init() {}

    /// Takes a message.
    /// - Parameters:
    ///   - sent: the sender's clock at the sending, in nanoseconds.
    ///   - arrived: the receiver's clock at the arrival, in nanoseconds; it never goes back.
    package mutating func observe(sent: Int, arrived: Int) {
        let (difference, overflow) = arrived.subtractingReportingOverflow(sent)
        guard !overflow else { return }
        if arrived >= windowEnd {
            // After a long silence what was known is too old.
            previous = arrived < windowEnd.addingReportingOverflow(Self.window).partialValue ? current : nil
            current = nil
            windowEnd = arrived + Self.window
        }
        current = min(current ?? difference, difference)
    }

    /// What is to be added to the sender's times; nil before the first message.
    package var offset: Int? {
        guard let current else { return nil }
        return min(current, previous ?? current)
    }

    /// A time of the sender's on the receiver's clock; as it is where nothing is known.
    package func corrected(_ time: Int) -> Int? {
        guard let offset else { return nil }
        let (corrected, overflow) = time.addingReportingOverflow(offset)
        return overflow ? nil : corrected
    }
}
