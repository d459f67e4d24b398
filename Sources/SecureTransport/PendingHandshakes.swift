//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Connections whose handshakes are under way, a bounded number of them.
///
/// Until its handshake is done anybody may be at the other end. So there is a limit, each connection has its deadline,
/// and what one peer does costs the others nothing. Driven by one thread, which polls for `interests` no longer than
/// until `nextDeadline` and then calls `progress`.
package struct PendingHandshakes: Sendable {
    /// How a handshake ended.
    package enum Ending: Sendable {
        /// The peer is authenticated.
        case done(TLSConnection)
        /// The peer was refused, left, or took too long; its connection is closed. The error is to log.
        case failed(TransportError)
    }

    /// How many may be under way at a time.
    package let limit: Int
    private var connections: [Int32: TLSConnection] = [:]

    /// - Precondition: `limit` is positive.
    package init(limit: Int) {
        precondition(limit > 0, "\(limit) handshakes at a time")
        self.limit = limit
    }

    /// How many are under way.
    package var count: Int { connections.count }

    /// Whether no more fit; then leave callers in the listener's queue and do not poll it.
    package var isFull: Bool { connections.count >= limit }

    /// Takes a connection that has not begun.
    /// - Precondition: not `isFull`.
    package mutating func add(_ connection: TLSConnection) {
        precondition(!isFull, "more than \(limit) handshakes at a time")
        connections[connection.descriptor] = connection
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
        var endings: [Ending] = []
        for (descriptor, connection) in connections {
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
        }
        return endings
    }

    /// Closes all of them.
    package mutating func closeAll() {
        for connection in connections.values { connection.close() }
        connections = [:]
    }
}
