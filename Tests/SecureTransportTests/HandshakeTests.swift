//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import SecureTransport
import Testing

@Suite struct HandshakeTests {
    /// A worker dials a coordinator, each expecting exactly the other unless told otherwise.
    private func connect(
        worker: TLSCredentials, coordinator: TLSCredentials,
        workerExpects: PeerExpectation? = nil, coordinatorExpects: PeerExpectation? = nil
    ) throws -> Loopback {
        try Loopback(
            client: worker, expecting: workerExpects ?? .any(.coordinator, ofRun: "cola-1"),
            server: coordinator, expecting: coordinatorExpects ?? .any(.worker, ofRun: "cola-1"))
    }

    @Test("Both ends get each other's identity and exchange bytes")
    func bothEndsAuthenticate() throws {
        let run = try TestAuthority()
        let pair = try connect(
            worker: run.credentials(.worker, "w3"), coordinator: run.credentials(.coordinator, "main"))
        #expect(pair.client.peerIdentity == nil)
        let outcome = try pair.shakeHands()
        #expect(outcome.client == nil && outcome.server == nil)
        #expect(pair.client.peerIdentity?.uri == "loradrop://cola-1/coordinator/main")
        #expect(pair.server.peerIdentity?.uri == "loradrop://cola-1/worker/w3")
        #expect(pair.client.localAddress == pair.server.peerAddress)

        try pair.client.writeWaiting(Array("hello".utf8))
        #expect(try pair.server.readWaiting() == Array("hello".utf8))
        try pair.server.writeWaiting(Array("welcome".utf8))
        #expect(try pair.client.readWaiting() == Array("welcome".utf8))
        pair.client.close()
        #expect(try pair.server.readWaiting() == nil)
        #expect(try pair.server.readWaiting() == nil, "a clean end stays a clean end")
    }

    @Test("A client with a certificate of another authority is refused by the server, and learns why")
    func clientOfAnotherAuthority() throws {
        let run = try TestAuthority()
        let pair = try connect(
            worker: strangerTrusting(run), coordinator: run.credentials(.coordinator, "main"))
        let outcome = try pair.shakeHands()
        #expect(outcome.server?.code == .untrustedCertificate)
        #expect(outcome.server?.message.contains("\(pair.client.localAddress)") == true)
        #expect(outcome.client == nil, "in TLS 1.3 the client is done before the server has judged it")
        let error = #expect(throws: TransportError.self) { try pair.client.readWaiting() }
        #expect(error?.code == .refusedByPeer)
        #expect(error?.message.contains("another authority") == true)
    }

    /// Credentials of another authority by somebody who trusts `run`.
    private func strangerTrusting(_ run: TestAuthority) throws -> TLSCredentials {
        let stranger = try TestAuthority()
        let issued = try stranger.authority.issue(to: stranger.identity(.worker, "w1"), validForHours: 1)
        return try TLSCredentials(issued, trusting: [run.authority])
    }

    @Test("A server with a certificate of another authority is refused by the client")
    func serverOfAnotherAuthority() throws {
        let pair = try connect(
            worker: TestAuthority().credentials(.worker, "w1"),
            coordinator: TestAuthority().credentials(.coordinator, "main"))
        let outcome = try pair.shakeHands()
        #expect(outcome.client?.code == .untrustedCertificate)
        #expect(outcome.server?.code == .refusedByPeer)
    }

    @Test("A worker's certificate does not pass for the coordinator's")
    func workerAsCoordinator() throws {
        let run = try TestAuthority()
        let pair = try connect(worker: run.credentials(.worker, "w1"), coordinator: run.credentials(.worker, "w2"))
        let outcome = try pair.shakeHands()
        #expect(outcome.client?.code == .identityRefused)
        let expected =
            "is worker \"w2\" of run \"cola-1\", expected a coordinator of run \"cola-1\": it has another role"
        #expect(outcome.client?.message.contains(expected) == true)
        #expect(outcome.server?.code == .refusedByPeer)
        #expect(outcome.server?.message.contains("expects somebody else") == true)
    }

    @Test("A worker of another name than the roster's is refused by the server")
    func anotherName() throws {
        let run = try TestAuthority()
        let pair = try connect(
            worker: run.credentials(.worker, "w1"), coordinator: run.credentials(.coordinator, "main"),
            coordinatorExpects: .exactly(run.identity(.worker, "w2")))
        let outcome = try pair.shakeHands()
        #expect(outcome.server?.code == .identityRefused)
        #expect(outcome.server?.message.contains("it has another name") == true)
    }

    @Test("A member of another run is refused even under the same authority")
    func anotherRun() throws {
        let authority = try CertificateAuthority.make(validForHours: 1)
        func credentials(_ role: PeerIdentity.Role, ofRun run: String) throws -> TLSCredentials {
            try TLSCredentials(
                authority.issue(to: PeerIdentity(role: role, name: "x", run: run), validForHours: 1))
        }
        let pair = try connect(
            worker: credentials(.worker, ofRun: "cola-2"), coordinator: credentials(.coordinator, ofRun: "cola-1"))
        let outcome = try pair.shakeHands()
        #expect(outcome.server?.code == .identityRefused)
        #expect(outcome.server?.message.contains("another run") == true)
    }

    @Test("A roster refuses whom it does not list, and a custom rule gives its reason")
    func rosterAndCustomRule() throws {
        let run = try TestAuthority()
        let listed = try run.identity(.worker, "w2")
        let roster = try connect(
            worker: run.credentials(.worker, "w1"), coordinator: run.credentials(.coordinator, "main"),
            coordinatorExpects: .oneOf([listed])
        ).shakeHands()
        #expect(roster.server?.message.contains("not in the roster") == true)
        let custom = try connect(
            worker: run.credentials(.worker, "w1"), coordinator: run.credentials(.coordinator, "main"),
            coordinatorExpects: PeerExpectation("a new worker") { _ in "it has joined already" }
        ).shakeHands()
        #expect(custom.server?.message.contains("expected a new worker: it has joined already") == true)
    }

    @Test("Expired and not yet valid certificates are refused by either end", arguments: [true, false])
    func outsideValidity(ofClient: Bool) throws {
        let run = try TestAuthority()
        let now = CalendarTime.now()
        for (time, code) in [
            (now - 7200 - 1, TransportError.Code.expiredCertificate), (now + 7200, .notYetValidCertificate),
        ] {
            let pair = try connect(
                worker: run.credentials(.worker, "w1", at: ofClient ? time : now),
                coordinator: run.credentials(.coordinator, "main", at: ofClient ? now : time))
            let outcome = try pair.shakeHands()
            #expect((ofClient ? outcome.server : outcome.client)?.code == code)
            #expect((ofClient ? outcome.server : outcome.client)?.message.contains("UTC") == true)
        }
    }

    @Test("A certificate without an identity is refused")
    func authorityCertificateAsPeer() throws {
        let run = try TestAuthority()
        #expect(throws: TransportError.self) { try PeerIdentity(uri: "https://cola-1/worker/w1") }
        #expect(run.authority.summary.identity == nil)
    }

    @Test("Writing to a server that has refused us reports its refusal")
    func writeAfterRefusal() throws {
        let run = try TestAuthority()
        let pair = try connect(
            worker: run.credentials(.worker, "w1"), coordinator: run.credentials(.coordinator, "main"),
            coordinatorExpects: .exactly(run.identity(.worker, "w2")))
        let outcome = try pair.shakeHands()
        #expect(outcome.client == nil)
        // The server's socket is closed: the first write may still find room in the kernel, later ones cannot.
        let error = #expect(throws: TransportError.self) {
            for _ in 0..<100 { try pair.client.writeWaiting([UInt8](repeating: 7, count: 64 << 10)) }
        }
        #expect(error?.code == .refusedByPeer, "\(String(describing: error))")
    }
}
