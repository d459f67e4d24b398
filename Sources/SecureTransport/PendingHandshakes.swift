//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Connections whose handshakes are under way, a bounded number of them.
///
/// Until its handshake is done anybody may be at the other end. So there is a limit, each connection has its deadline,
/// and what one peer does costs the others nothing: where one more calls than there is room for, the one that has been
/// under way longest gives way (`AdmissionQueue`). Driven by one thread, which polls for `interests` no longer than until
/// `nextDeadline` and then calls `progress`.
package struct PendingHandshakes: Sendable {
    /// How a handshake ended.
    package enum Ending: Sendable {
        /// The peer is authenticated.
        case done(TLSConnection)
        /// The peer was refused, left, took too long or gave way; its connection is closed. The error is to log.
        case failed(TransportError)
    }

    private var queue: AdmissionQueue
    private var connections: [Int32: TLSConnection] = [:]

    /// - Parameter limit: How many may be under way at a time.
    /// - Precondition: `limit` is positive.
    package init(limit: Int) {
        queue = AdmissionQueue(limit: limit)
    }

    /// How many are under way.
    package var count: Int { connections.count }

    /// Takes a connection that has not begun.
    /// - Returns: The ending of the one that has to give way, where there is no room.
    package mutating func add(_ connection: TLSConnection) -> Ending? {
        let evicted = queue.admit(connection.descriptor).flatMap { connections.removeValue(forKey: $0) }
        connections[connection.descriptor] = connection
        guard let evicted else { return nil }
        evicted.close()
        return .failed(
            TransportError(
                .exhausted,
                "\(evicted.peerAddress) gave way to a newer caller before its handshake was done: \(queue.limit) callers "
                    + "are shaking hands"))
    }

    /// What to poll for.
    package var interests: [Int32: Interest] {
        connections.mapValues(\.interest)
    }

    /// When the first of them runs out of time; nil where none is under way.
    package var nextDeadline: Deadline? {
        connections.values.map(\.handshakeDeadline).min()
    }

    /// Takes every handshake as far as it goes without waiting.
    /// - Returns: Those that ended, which are then no longer in here.
    package mutating func progress() -> [Ending] {
        progress(connections.keys)
    }

    /// Takes the handshakes of some descriptors as far as they go without waiting, and ends those that are out of time.
    /// - Parameter ready: Descriptors that poll(2) found ready; others than ours are left alone.
    /// - Returns: Those that ended, which are then no longer in here.
    package mutating func progress(ready: some Sequence<Int32>) -> [Ending] {
        let late = connections.filter(\.value.handshakeDeadline.hasPassed).keys
        return progress(Set(ready).union(late))
    }

    private mutating func progress(_ descriptors: some Sequence<Int32>) -> [Ending] {
        var endings: [Ending] = []
        for descriptor in descriptors {
            guard let connection = connections[descriptor] else { continue }
            do {
                if try connection.progressHandshake() == .waiting { continue }
                endings.append(.done(connection))
            } catch let error as TransportError {
                connection.close()
                endings.append(.failed(error))
            } catch {
                connection.close()
                endings.append(.failed(TransportError(.system, "\(connection.peerAddress): \(error)")))
            }
            connections[descriptor] = nil
            queue.remove(descriptor)
        }
        return endings
    }

    /// Closes all of them.
    package mutating func closeAll() {
        for (descriptor, connection) in connections {
            connection.close()
            queue.remove(descriptor)
        }
        connections = [:]
    }
}
