//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import SecureTransport
import Wire

/// One end of a control link in a test: it waits for messages, where the program's loops poll.
final class ControlPeer {
    /// How long anything may take; only a broken program gets there.
    static let patience = Duration.seconds(60)

    let channel: ControlChannel
    private var waiting: [ControlMessage] = []
    private var poller = Poller()

    /// - Parameter limits: What the peer may send.
    init(_ connection: TLSConnection, limits: FrameLimits) {
        channel = ControlChannel(connection, limits: limits)
    }

    deinit {
        channel.close()
    }

    /// Calls a coordinator and shakes hands with it.
    /// - Parameter bufferSize: What the kernel keeps for this end, in bytes; nil leaves it to the kernel.
    static func dial(_ endpoint: Endpoint, context: TLSContext, bufferSize: Int32? = nil) throws -> ControlPeer {
        let deadline = Deadline.after(patience)
        let socket = try StreamSocket.connect(to: endpoint, until: deadline)
        if let bufferSize { try socket.setBufferSizes(bufferSize) }
        let connection = try TLSConnection(
            socket, side: .client, context: context,
            expecting: .any(.coordinator, ofRun: context.identity.run), handshakeDeadline: deadline)
        var poller = Poller()
        while try connection.progressHandshake() == .waiting {
            _ = try poller.wait(for: connection.interest, of: connection.descriptor, until: deadline)
        }
        return ControlPeer(connection, limits: .fromCoordinator)
    }

    /// Sends a message, waiting for room.
    func send(_ message: ControlMessage) throws {
        try channel.send(message)
        try finishSending()
    }

    /// Sends what is queued, waiting for room.
    func finishSending() throws {
        let deadline = Deadline.after(Self.patience)
        try channel.flush()
        while channel.hasOutput {
            try wait(for: .writable, until: deadline)
            try channel.flush()
        }
    }

    /// Sends bytes that are no message, which must fit into the socket's buffers.
    func send(raw bytes: [UInt8]) throws {
        guard case .bytes(bytes.count) = try bytes.withUnsafeBytes({ try channel.connection.write($0) }) else {
            throw TransportError(.timedOut, "\(bytes.count) bytes did not fit")
        }
    }

    /// What one call of `receive` hands over, after something has come.
    func receiveOnce() throws -> (messages: [ControlMessage], isClosed: Bool, hasMore: Bool) {
        let deadline = Deadline.after(Self.patience)
        while true {
            let received = try channel.receive()
            if !received.messages.isEmpty || received.isClosed || received.hasMore { return received }
            try wait(for: channel.interest, until: deadline)
        }
    }

    /// The next message that is no heartbeat; nil when the other end has closed the link.
    func next() throws -> ControlMessage? {
        let deadline = Deadline.after(Self.patience)
        while true {
            while !waiting.isEmpty {
                let message = waiting.removeFirst()
                if case .heartbeat = message { continue }
                return message
            }
            guard !deadline.hasPassed else { throw TransportError(.timedOut, "nothing but heartbeats came") }
            let received = try receiveOnce()
            if received.messages.isEmpty, received.isClosed { return nil }
            waiting += received.messages
        }
    }

    /// Waits until the other end has ended the link, politely or not.
    /// - Returns: Whether nothing but heartbeats came before.
    func isDropped() throws -> Bool {
        do {
            return try next() == nil
        } catch let error as TransportError where [.connectionLost, .truncated].contains(error.code) {
            return true
        }
    }

    private func wait(for interest: Interest, until deadline: Deadline) throws {
        if try poller.wait(for: interest, of: channel.connection.descriptor, until: deadline).isEmpty {
            throw TransportError(.timedOut, "nothing from \(channel.peerName) in \(Self.patience)")
        }
    }
}
