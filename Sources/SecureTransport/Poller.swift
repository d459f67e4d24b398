//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// What a descriptor is waited for, or what it is ready for.
package struct Interest: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Bytes, a connection or the end of the stream can be taken.
    package static let readable = Interest(rawValue: 1)
    /// Bytes can be handed over.
    package static let writable = Interest(rawValue: 2)

    package var description: String {
        switch (contains(.readable), contains(.writable)) {
        case (false, false): "nothing"
        case (true, false): "readable"
        case (false, true): "writable"
        case (true, true): "readable, writable"
        }
    }
}

/// Waits for many descriptors at once, by poll(2).
///
/// One poller belongs to one thread; it keeps its list between waits, so that a wait allocates nothing after the first.
package struct Poller: Sendable {
    private var entries: [pollfd] = []

    package init() {}

    /// Waits until a descriptor is ready or the deadline has passed.
    ///
    /// A broken or closed connection counts as ready for all that was asked, so that the next call on it finds out why.
    /// Descriptors without interest are left out: poll(2) would report their hang-up again and again.
    /// - Parameter interests: Open descriptors, with what each is waited for.
    /// - Returns: Who is ready for what; empty where the deadline passed first.
    /// - Throws: `.system` where poll(2) itself fails.
    /// - Precondition: every descriptor is open. A closed one would in the end be somebody else's.
    package mutating func wait(for interests: [Int32: Interest], until deadline: Deadline) throws -> [Int32: Interest] {
        entries.removeAll(keepingCapacity: true)
        for (descriptor, interest) in interests where !interest.isEmpty {
            var events: Int32 = 0
            if interest.contains(.readable) { events |= POLLIN }
            if interest.contains(.writable) { events |= POLLOUT }
            entries.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
        }
        var count: Int32
        repeat {
            count = poll(&entries, nfds_t(entries.count), deadline.pollMilliseconds)
            if count < 0 {
                let number = errno
                guard number == EINTR || number == EAGAIN else {
                    throw TransportError(.system, "cannot wait for \(entries.count) descriptors", errno: number)
                }
            }
        } while count < 0 || (count == 0 && !deadline.hasPassed)

        var ready: [Int32: Interest] = [:]
        for entry in entries where entry.revents != 0 {
            let events = Int32(entry.revents)
            precondition(events & POLLNVAL == 0, "descriptor \(entry.fd) was waited for after it was closed")
            let asked = interests[entry.fd, default: []]
            var outcome: Interest = []
            if events & POLLIN != 0 { outcome.insert(.readable) }
            if events & POLLOUT != 0 { outcome.insert(.writable) }
            if events & (POLLERR | POLLHUP) != 0 { outcome.formUnion(asked) }
            ready[entry.fd] = outcome.intersection(asked)
        }
        return ready
    }

    /// Waits for one descriptor.
    /// - Returns: What it is ready for; empty where the deadline passed first.
    package mutating func wait(
        for interest: Interest, of descriptor: Int32, until deadline: Deadline
    ) throws -> Interest {
        try wait(for: [descriptor: interest], until: deadline)[descriptor, default: []]
    }
}
