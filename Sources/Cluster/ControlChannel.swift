//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import SecureTransport
package import Wire

/// One control link as messages: a TLS connection, a decoder for what comes in, a bounded queue for what goes out.
///
/// Nothing here waits: its owner polls `descriptor` for `interest` and then calls `receive` and `flush`. One thread
/// owns it.
package final class ControlChannel {
    /// Bytes that may wait to be sent: more than the largest state, so that only a peer that takes nothing gets there.
    private static let outboxLimit = (1 << 30) + (64 << 20)
    private static let readSize = 256 << 10
    private static let messagesAtOnce = 64

    package let connection: TLSConnection
    private var decoder: FrameDecoder
    private var outbox: [UInt8] = []
    private var sent = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readSize, alignment: 16)

    /// - Parameter limits: What the peer may send.
    package init(_ connection: TLSConnection, limits: FrameLimits) {
        self.connection = connection
        decoder = FrameDecoder(limits: limits)
    }

    deinit {
        buffer.deallocate()
    }

    /// What the peer may send from now on.
    package func accept(_ limits: FrameLimits) {
        decoder.limits = limits
    }

    /// What to poll for once the handshake is done.
    package var interest: Interest {
        var interest = connection.readInterest
        if hasOutput {
            // Before the first attempt a write waits for nothing in particular: to be writable is what it needs.
            interest.formUnion(connection.writeInterest.isEmpty ? .writable : connection.writeInterest)
        }
        return interest
    }

    /// Whether something waits to be sent.
    package var hasOutput: Bool { sent < outbox.count }

    /// Queues a message.
    /// - Throws: `ClusterError` if the peer has taken nothing for so long that the queue is full.
    package func send(_ message: ControlMessage) throws {
        let bytes = message.frame.encode()
        guard outbox.count - sent + bytes.count <= Self.outboxLimit else {
            throw ClusterError(
                code: .peerTakesNothing,
                message: "\(peerName) takes no bytes: \(outbox.count - sent) are waiting to be sent")
        }
        if sent > outbox.count / 2 {
            outbox.removeFirst(sent)
            sent = 0
        }
        outbox += bytes
    }

    /// Sends as much as the socket takes.
    package func flush() throws {
        while sent < outbox.count {
            let outcome = try outbox.withUnsafeBytes { bytes in
                try connection.write(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            }
            switch outcome {
            case .bytes(let count): sent += count
            case .wouldBlock: return
            case .closed:
                throw ClusterError(code: .peerClosed, message: "\(peerName) has closed the connection")
            }
        }
    }

    /// Reads what has arrived.
    ///
    /// It stops after some messages, so that a talkative peer cannot keep its owner from everybody else; what an error
    /// would follow is handed over first.
    /// - Returns: Whole messages, whether the peer has said farewell, and whether more may be waiting.
    /// - Throws: `WireError`, `TransportError`; the connection is then of no use.
    package func receive() throws -> (messages: [ControlMessage], isClosed: Bool, hasMore: Bool) {
        var messages: [ControlMessage] = []
        do {
            while messages.count < Self.messagesAtOnce {
                if let frame = try decoder.next() {
                    let message = try ControlMessage(decoding: frame)
                    messages.append(message)
                    // What a peer may send changes with its hello: the owner has to see that before the next frame.
                    switch message {
                    case .hello, .modelRequest: return (messages, false, true)
                    default: continue
                    }
                }
                switch try connection.read(into: buffer) {
                case .bytes(let count): try decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                case .wouldBlock: return (messages, false, false)
                case .closed: return (messages, true, false)
                }
            }
        } catch  where !messages.isEmpty {
            // The link is broken, and says so again at the next call; these came before.
            return (messages, false, true)
        }
        return (messages, false, true)
    }

    /// Who is at the other end.
    package var peerName: String {
        connection.peerIdentity?.name ?? connection.peerAddress.description
    }

    /// Ends the link.
    package func close() {
        connection.close()
    }
}
