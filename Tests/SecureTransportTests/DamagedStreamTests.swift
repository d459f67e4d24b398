//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import SecureTransport
import Testing

/// A network between the ends that changes bytes.
@Suite struct DamagedStreamTests {
    @Test("A byte changed on the way is noticed")
    func changedByte() throws {
        let run = try TestAuthority()
        let deadline = Deadline.after(.seconds(20))
        let front = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let back = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let client = try TLSConnection(
            StreamSocket.connect(to: front.localEndpoint, until: deadline), side: .client,
            context: TLSContext(run.credentials(.worker, "w1")), expecting: .any(.coordinator, ofRun: run.run),
            handshakeDeadline: deadline)
        let inner = try PlainSocket(Loopback.accept(from: front, until: deadline))
        let outer = try PlainSocket(StreamSocket.connect(to: back.localEndpoint, until: deadline))
        let server = try TLSConnection(
            Loopback.accept(from: back, until: deadline), side: .server,
            context: TLSContext(run.credentials(.coordinator, "main")), expecting: .any(.worker, ofRun: run.run),
            handshakeDeadline: deadline)

        func relay(changing isChanged: Bool) {
            for (source, target) in [(inner, outer), (outer, inner)] {
                guard var bytes = source.receive(), !bytes.isEmpty else { continue }
                if isChanged { bytes[bytes.count / 2] ^= 0x10 }
                target.send(bytes)
            }
        }

        while client.peerIdentity == nil || server.peerIdentity == nil {
            try #require(!deadline.hasPassed)
            _ = try client.progressHandshake()
            _ = try server.progressHandshake()
            relay(changing: false)
        }
        try client.writeWaiting([UInt8](repeating: 3, count: 500))
        var poller = Poller()
        _ = try poller.wait(for: .readable, of: inner.descriptor, until: deadline)
        relay(changing: true)
        let error = #expect(throws: TransportError.self) { try server.readWaiting() }
        #expect(error?.code == .protocolViolation, "\(String(describing: error))")
    }
}
