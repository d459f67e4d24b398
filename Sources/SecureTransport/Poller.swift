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

    /// A descriptor in a list of those that are waited for.
    package struct Wait: Hashable, Sendable {
        /// Open, or without interest.
        package var descriptor: Int32
        /// What it is waited for; it is left out where that is nothing.
        package var interest: Interest
        /// What the last wait found it ready for.
        package fileprivate(set) var ready: Interest = []

        package init(_ descriptor: Int32, for interest: Interest) {
            self.descriptor = descriptor
            self.interest = interest
        }
    }

    /// Waits until a descriptor is ready or the deadline has passed, and notes in each entry what it is ready for.
    ///
    /// A broken or closed connection counts as ready for all that was asked, so that the next call on it finds out why.
    /// Descriptors without interest are left out: poll(2) would report their hang-up again and again.
    /// - Returns: Whether one is ready; false where the deadline passed first.
    /// - Throws: `.system` where poll(2) itself fails.
    /// - Precondition: every descriptor with an interest is open. A closed one would in the end be somebody else's.
    package mutating func wait(for waits: inout [Wait], until deadline: Deadline) throws -> Bool {
        entries.removeAll(keepingCapacity: true)
        for wait in waits where !wait.interest.isEmpty {
            var events: Int32 = 0
            if wait.interest.contains(.readable) { events |= POLLIN }
            if wait.interest.contains(.writable) { events |= POLLOUT }
            entries.append(pollfd(fd: wait.descriptor, events: Int16(events), revents: 0))
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

        var place = 0
        for index in waits.indices {
            waits[index].ready = []
            if waits[index].interest.isEmpty { continue }
            let entry = entries[place]
            place += 1
            let events = Int32(entry.revents)
            precondition(events & POLLNVAL == 0, "descriptor \(entry.fd) was waited for after it was closed")
            var outcome: Interest = []
            if events & POLLIN != 0 { outcome.insert(.readable) }
            if events & POLLOUT != 0 { outcome.insert(.writable) }
            if events & (POLLERR | POLLHUP) != 0 { outcome.formUnion(waits[index].interest) }
            waits[index].ready = outcome.intersection(waits[index].interest)
        }
        return count > 0
    }

    /// Waits until a descriptor is ready or the deadline has passed, as `wait(for:until:)` with a list does.
    /// - Parameter interests: Open descriptors, with what each is waited for.
    /// - Returns: Who is ready for what; empty where the deadline passed first.
    package mutating func wait(for interests: [Int32: Interest], until deadline: Deadline) throws -> [Int32: Interest] {
        var waits = interests.map { Wait($0.key, for: $0.value) }
        _ = try wait(for: &waits, until: deadline)
        var ready: [Int32: Interest] = [:]
        for wait in waits where !wait.ready.isEmpty {
            ready[wait.descriptor] = wait.ready
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
