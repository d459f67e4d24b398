//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL
import Glibc
import SecureTransport
import Testing

/// What a server does with callers that are no members of the run, and a client with a server that is none.
@Suite struct HostilePeerTests {
    private let run: TestAuthority

    init() throws {
        run = try TestAuthority()
    }

    /// A server's end of a connection to a plain TCP client, which the caller plays.
    private func serve(
        within limit: Duration = .seconds(20)
    ) throws -> (server: TLSConnection, client: PlainSocket) {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let client = try PlainSocket(
            StreamSocket.connect(to: listener.localEndpoint, until: .after(.seconds(20))))
        let accepted = try Loopback.accept(from: listener, until: .after(.seconds(20)))
        let server = try TLSConnection(
            accepted, side: .server, context: TLSContext(run.credentials(.coordinator, "main")),
            expecting: .any(.worker, ofRun: run.run), handshakeDeadline: .after(limit))
        return (server, client)
    }

    /// Progresses a handshake to its end.
    private func failure(of connection: TLSConnection, doing step: () -> Void = {}) -> TransportError? {
        var poller = Poller()
        let deadline = Deadline.after(.seconds(20))
        do {
            while !deadline.hasPassed {
                step()
                if try connection.progressHandshake() == .done { return nil }
                _ = try poller.wait(
                    for: connection.interest, of: connection.descriptor,
                    until: min(connection.handshakeDeadline, .after(.milliseconds(20))))
            }
            return TransportError(.cancelled, "the test gave up")
        } catch let error as TransportError {
            return error
        } catch {
            return TransportError(.cancelled, "\(error)")
        }
    }

    @Test(
        "Plaintext is told apart from TLS", arguments: ["GET / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "{\"hello\": 1}\n"])
    func plaintextClient(text: String) throws {
        let (server, client) = try serve()
        client.send(Array(text.utf8))
        let error = failure(of: server)
        #expect(error?.code == .notTLS, "\(String(describing: error))")
        #expect(error?.message.contains("a worker of run") == true)
        #expect(failure(of: server)?.code == .notTLS, "the same error again, not another state")
    }

    @Test("A server that answers in plaintext is told apart from TLS")
    func plaintextServer() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let dialled = try StreamSocket.connect(to: listener.localEndpoint, until: .after(.seconds(20)))
        let plain = try PlainSocket(Loopback.accept(from: listener, until: .after(.seconds(20))))
        let client = try TLSConnection(
            dialled, side: .client, context: TLSContext(run.credentials(.worker, "w1")),
            expecting: .any(.coordinator, ofRun: run.run), handshakeDeadline: .after(.seconds(20)))
        plain.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        #expect(failure(of: client)?.code == .notTLS)
    }

    @Test(
        "A caller that leaves before a word, or amid its first message, is reported as such", arguments: [0, 1, 5, 40])
    func closesDuringHandshake(byteCount: Int) throws {
        let (server, client) = try serve()
        client.send(Array(HostilePeerTests.clientHelloStart.prefix(byteCount)))
        client.close()
        #expect(failure(of: server)?.code == .closedDuringHandshake)
    }

    /// A record header (handshake, 512 bytes) and the head of a ClientHello of 508 bytes.
    private static let clientHelloStart: [UInt8] =
        [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03] + [UInt8](repeating: 0x55, count: 64)

    @Test("A caller that stays silent runs out of time")
    func silentCaller() throws {
        let (server, client) = try serve(within: .milliseconds(60))
        client.send(HostilePeerTests.clientHelloStart)
        let error = failure(of: server)
        #expect(error?.code == .timedOut)
        #expect(error?.message.contains("\(server.peerAddress)") == true)
        client.close()
    }

    @Test("Handshake messages beyond the bound are refused, not stored")
    func oversizedHandshakeMessage() throws {
        let (server, client) = try serve()
        // A ClientHello that announces 16 MiB less one byte, in a full record.
        client.send([0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 16380))
        let error = failure(of: server)
        #expect(error?.code == .protocolViolation, "\(String(describing: error))")
    }

    @Test("TLS 1.2 is refused")
    func olderVersion() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let old = try BareTLSClient(to: listener.localEndpoint, version: TLS1_2_VERSION)
        let server = try TLSConnection(
            Loopback.accept(from: listener, until: .after(.seconds(20))), side: .server,
            context: TLSContext(run.credentials(.coordinator, "main")), expecting: .any(.worker, ofRun: run.run),
            handshakeDeadline: .after(.seconds(20)))
        let error = failure(of: server) { old.progress() }
        #expect(error?.code == .protocolVersion, "\(String(describing: error))")
    }

    @Test("A client without a certificate is refused")
    func withoutCertificate() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let anonymous = try BareTLSClient(to: listener.localEndpoint, version: TLS1_3_VERSION)
        let server = try TLSConnection(
            Loopback.accept(from: listener, until: .after(.seconds(20))), side: .server,
            context: TLSContext(run.credentials(.coordinator, "main")), expecting: .any(.worker, ofRun: run.run),
            handshakeDeadline: .after(.seconds(20)))
        let error = failure(of: server) { anonymous.progress() }
        #expect(error?.code == .missingCertificate, "\(String(describing: error))")
    }

    @Test("One bad caller among many costs only itself")
    func pendingHandshakes() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let context = try TLSContext(run.credentials(.coordinator, "main"))
        let deadline = Deadline.after(.seconds(20))
        let good = try TLSConnection(
            StreamSocket.connect(to: listener.localEndpoint, until: deadline), side: .client,
            context: TLSContext(run.credentials(.worker, "w1")), expecting: .any(.coordinator, ofRun: run.run),
            handshakeDeadline: deadline)
        let bad = try PlainSocket(StreamSocket.connect(to: listener.localEndpoint, until: deadline))
        let silent = try PlainSocket(StreamSocket.connect(to: listener.localEndpoint, until: deadline))
        bad.send(Array("rubbish that is no record".utf8))

        var pending = PendingHandshakes(limit: 3)
        for limit in [Duration.seconds(20), .seconds(20), .milliseconds(40)] {
            let caller = try TLSConnection(
                Loopback.accept(from: listener, until: deadline), side: .server, context: context,
                expecting: .any(.worker, ofRun: run.run), handshakeDeadline: .after(limit))
            let evicted = pending.add(caller)
            if case .failed(let error)? = evicted { Issue.record("no place for a third caller: \(error)") }
        }
        #expect(pending.count == 3)
        var joined: [PeerIdentity?] = []
        var failures: Set<TransportError.Code> = []
        var poller = Poller()
        while let next = pending.nextDeadline, !deadline.hasPassed {
            if good.peerIdentity == nil { _ = try good.progressHandshake() }
            for ending in pending.progress() {
                switch ending {
                case .done(let connection): joined.append(connection.peerIdentity)
                case .failed(let error): failures.insert(error.code)
                }
            }
            if pending.count == 0 { break }
            _ = try poller.wait(for: pending.interests, until: min(next, .after(.milliseconds(20))))
        }
        #expect(joined == [try run.identity(.worker, "w1")])
        #expect(failures == [.notTLS, .timedOut])
        silent.close()
    }
}
