//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import SecureTransport

/// Two ends of a real TCP connection on this machine, and what it takes to drive both from one thread.
struct Loopback {
    let client: TLSConnection
    let server: TLSConnection

    /// Connects a client to a server; no byte of TLS has been sent yet.
    /// - Parameter bufferSize: Size asked for all four socket buffers, in bytes; nil leaves them to the kernel.
    init(
        client: TLSCredentials, expecting serverExpectation: PeerExpectation,
        server: TLSCredentials, expecting clientExpectation: PeerExpectation,
        bufferSize: Int32? = nil, recordsPerKey: Int = 1 << 22, within limit: Duration = .seconds(20)
    ) throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let deadline = Deadline.after(limit)
        let dialled = try StreamSocket.connect(to: listener.localEndpoint, until: deadline)
        let accepted = try Loopback.accept(from: listener, until: deadline)
        if let bufferSize {
            try dialled.setBufferSizes(bufferSize)
            try accepted.setBufferSizes(bufferSize)
        }
        self.client = try TLSConnection(
            dialled, side: .client, context: TLSContext(client, recordsPerKey: recordsPerKey),
            expecting: serverExpectation,
            handshakeDeadline: deadline)
        self.server = try TLSConnection(
            accepted, side: .server, context: TLSContext(server, recordsPerKey: recordsPerKey),
            expecting: clientExpectation,
            handshakeDeadline: deadline)
    }

    /// Waits for one caller.
    static func accept(from listener: Listener, until deadline: Deadline) throws -> StreamSocket {
        var poller = Poller()
        while !deadline.hasPassed {
            switch try listener.accept() {
            case .accepted(let socket): return socket
            case .turnedAway(let error): throw error
            case .wouldBlock: _ = try poller.wait(for: .readable, of: listener.descriptor, until: deadline)
            }
        }
        throw TransportError(.timedOut, "nobody called \(listener.localEndpoint)")
    }

    /// Takes both handshakes to their ends.
    /// - Returns: What each end threw; nil where it is done.
    func shakeHands(within limit: Duration = .seconds(20)) throws -> (client: TransportError?, server: TransportError?)
    {
        var poller = Poller()
        let deadline = Deadline.after(limit)
        var outcomes: [ObjectIdentifier: TransportError?] = [:]
        while outcomes.count < 2 {
            guard !deadline.hasPassed else { throw TransportError(.timedOut, "the handshakes were not done in time") }
            for end in [client, server] where outcomes[ObjectIdentifier(end)] == nil {
                do {
                    if try end.progressHandshake() == .done { outcomes[ObjectIdentifier(end)] = .some(nil) }
                } catch let error as TransportError {
                    outcomes[ObjectIdentifier(end)] = error
                    end.close()
                }
            }
            var interests: [Int32: Interest] = [:]
            for end in [client, server] where outcomes[ObjectIdentifier(end)] == nil {
                interests[end.descriptor] = end.interest
            }
            if !interests.isEmpty {
                _ = try poller.wait(for: interests, until: min(deadline, .after(.milliseconds(50))))
            }
        }
        return (outcomes[ObjectIdentifier(client)] ?? nil, outcomes[ObjectIdentifier(server)] ?? nil)
    }
}

extension TLSConnection {
    /// Reads once, waiting for something to come.
    func readWaiting(upTo limit: Int = 64 << 10, until deadline: Deadline = .after(.seconds(20))) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: limit)
        var poller = Poller()
        while true {
            switch try bytes.withUnsafeMutableBytes({ try read(into: $0) }) {
            case .bytes(let count): return Array(bytes.prefix(count))
            case .closed: return nil
            case .wouldBlock:
                let ready = try poller.wait(for: readInterest, of: descriptor, until: deadline)
                if ready.isEmpty { throw TransportError(.timedOut, "nothing came from \(peerAddress)") }
            }
        }
    }

    /// Writes all of `bytes`, waiting for room.
    func writeWaiting(_ bytes: [UInt8], until deadline: Deadline = .after(.seconds(20))) throws {
        var poller = Poller()
        var written = 0
        while written < bytes.count {
            switch try bytes.withUnsafeBytes({ try write(UnsafeRawBufferPointer(rebasing: $0[written...])) }) {
            case .bytes(let count): written += count
            case .closed: throw TransportError(.connectionLost, "a write said closed")
            case .wouldBlock:
                let ready = try poller.wait(for: writeInterest, of: descriptor, until: deadline)
                if ready.isEmpty { throw TransportError(.timedOut, "no room to write to \(peerAddress)") }
            }
        }
    }
}
