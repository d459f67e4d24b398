//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import SecureTransport
import Testing

/// Who may wait before its handshake is done, and what is written of those who are refused.
@Suite struct AdmissionTests {
    private let run: TestAuthority

    init() throws {
        run = try TestAuthority()
    }

    @Test("Below the limit nobody leaves; above it the oldest does, whoever left in between")
    func oldestGivesWay() {
        var queue = AdmissionQueue(limit: 3)
        #expect([5, 6, 7].map { queue.admit($0) } == [nil, nil, nil])
        queue.remove(5)
        #expect(queue.admit(8) == nil)
        #expect(queue.admit(9) == 6)
        #expect(queue.admit(6) == 7, "a descriptor's number comes again")
        #expect(queue.count == 3)
    }

    /// A server's end towards a client that says nothing.
    private func silentCaller(_ listener: Listener, _ context: TLSContext) throws -> (PlainSocket, TLSConnection) {
        let client = try PlainSocket(StreamSocket.connect(to: listener.localEndpoint, until: .after(.seconds(20))))
        let server = try TLSConnection(
            Loopback.accept(from: listener, until: .after(.seconds(20))), side: .server, context: context,
            expecting: .any(.worker, ofRun: run.run), handshakeDeadline: .after(.seconds(60)))
        return (client, server)
    }

    @Test("An honest caller gets through although silent ones fill every place, again and again")
    func honestCallerGetsThrough() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let context = try TLSContext(run.credentials(.coordinator, "main"))
        var pending = PendingHandshakes(limit: 4)
        var silent: [PlainSocket] = []
        var evictions = 0
        func crowd(_ count: Int) throws {
            for _ in 0..<count {
                let (client, server) = try silentCaller(listener, context)
                silent.append(client)
                if case .failed(let error)? = pending.add(server) {
                    #expect(error.code == .exhausted && error.message.contains("gave way"))
                    evictions += 1
                }
                #expect(pending.count <= 4)
            }
        }
        try crowd(40)
        #expect(evictions == 36)
        let dialled = try StreamSocket.connect(to: listener.localEndpoint, until: .after(.seconds(20)))
        let client = try TLSConnection(
            dialled, side: .client, context: TLSContext(run.credentials(.worker, "w1")),
            expecting: .any(.coordinator, ofRun: run.run), handshakeDeadline: .after(.seconds(20)))
        let server = try TLSConnection(
            Loopback.accept(from: listener, until: .after(.seconds(20))), side: .server, context: context,
            expecting: .any(.worker, ofRun: run.run), handshakeDeadline: .after(.seconds(20)))
        _ = pending.add(server)
        try crowd(3)
        var poller = Poller()
        let deadline = Deadline.after(.seconds(20))
        var accepted: TLSConnection?
        while accepted == nil, !deadline.hasPassed {
            _ = try client.progressHandshake()
            var interests = pending.interests
            interests[client.descriptor] = client.interest
            let ready = try poller.wait(for: interests, until: .after(.milliseconds(20)))
            for case .done(let connection) in pending.progress(ready: ready.keys) { accepted = connection }
        }
        #expect(accepted?.peerIdentity?.name == "w1")
        #expect(pending.count == 3)
        pending.closeAll()
        #expect(pending.count == 0)
        #expect(pending.interests.isEmpty)
    }

    @Test("Who is not ready and not late is left alone; who is late ends")
    func lateOnesEnd() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let context = try TLSContext(run.credentials(.coordinator, "main"))
        var pending = PendingHandshakes(limit: 4)
        let (patient, server) = try silentCaller(listener, context)
        _ = pending.add(server)
        let late = try PlainSocket(StreamSocket.connect(to: listener.localEndpoint, until: .after(.seconds(20))))
        _ = pending.add(
            try TLSConnection(
                Loopback.accept(from: listener, until: .after(.seconds(20))), side: .server, context: context,
                expecting: .any(.worker, ofRun: run.run), handshakeDeadline: .after(.zero)))
        let endings = pending.progress(ready: [])
        guard endings.count == 1, case .failed(let error) = endings[0] else {
            Issue.record("expected one late caller, found \(endings)")
            return
        }
        #expect(error.code == .timedOut)
        #expect(pending.count == 1)
        withExtendedLifetime((patient, late)) {}
    }

    @Test("Refusals are written one by one, then counted, then one by one again; each kind on its own")
    func notes() {
        var notes = RefusalNotes(limit: 3, window: .seconds(10))
        let start = MonotonicInstant(nanoseconds: 1_000_000_000)
        func later(_ seconds: Int64) -> MonotonicInstant {
            MonotonicInstant(nanoseconds: start.nanoseconds + seconds * 1_000_000_000)
        }
        #expect((0..<3).map { notes.note("a\($0)", kind: "a", at: start) } == [["a0"], ["a1"], ["a2"]])
        #expect((0..<500).allSatisfy { notes.note("b\($0)", kind: "a", at: later(9)).isEmpty })
        #expect(notes.note("other", kind: "b", at: later(9)) == ["other"], "a flood of one kind hides no other")
        #expect(notes.pending(at: later(9)).isEmpty)
        let lines = notes.note("c", kind: "a", at: later(11))
        #expect(lines.count == 2 && lines[0].contains("500 more") && lines[0].contains("b499") && lines[1] == "c")
        #expect(notes.pending(at: later(30)).isEmpty, "nothing was held back")
        let many = (0..<1000).flatMap { notes.note("x", kind: "\($0)", at: later(40)) }
        #expect(many.count <= 64 + 3, "kinds are bounded too")
    }

    @Test("Renewed certificate files are used for new connections, half-written ones are not")
    func rotation() throws {
        let scratch = try TemporaryFolder()
        let folder = CertificateFolder(scratch.path)
        try folder.makeAuthority(run: "r", validForHours: 48)
        let identity = try PeerIdentity(role: .worker, name: "w1", run: "r")
        try folder.issue(to: identity, validForHours: 1)
        let rotating = try RotatingContext(folder, name: "w1", interval: .zero)
        let first = rotating.summary.fingerprint
        let before = rotating.current
        #expect(rotating.current === before, "nothing changed")

        // A key without its certificate: as if seen in the middle of a renewal.
        try folder.renew(identity, validForHours: 2)
        let renewed = rotating.current
        #expect(renewed !== before)
        #expect(rotating.summary.fingerprint != first)
        #expect(rotating.current === renewed)

        let other = try CertificateAuthority.make(run: "r", validForHours: 2).issue(to: identity, validForHours: 2)
        try other.replace(certificateFile: folder.certificateFile(of: "w1"), keyFile: folder.keyFile(of: "w1"))
        #expect(rotating.current === renewed, "a certificate of another authority is not taken")
        #expect(scratch.entries == ["ca.key", "ca.pem", "w1.key", "w1.pem"], "nothing is left of the renewal")
    }

    @Test("An authority is replaced without a moment in which members refuse each other")
    func authorityRotation() throws {
        let scratch = try TemporaryFolder()
        let folder = CertificateFolder(scratch.path)
        try folder.makeAuthority(run: "r", validForHours: 48)
        let main = try PeerIdentity(role: .coordinator, name: "main", run: "r")
        let worker = try PeerIdentity(role: .worker, name: "w1", run: "r")
        try folder.issue(to: main, validForHours: 1)
        try folder.issue(to: worker, validForHours: 1)
        let early = try folder.credentials(of: "main")
        func meet(_ client: TLSCredentials, _ server: TLSCredentials) throws -> Bool {
            let loopback = try Loopback(
                client: client, expecting: .exactly(server.identity), server: server,
                expecting: .exactly(client.identity))
            let failures = try loopback.shakeHands()
            return failures.client == nil && failures.server == nil
        }
        try folder.renewAuthority(validForHours: 48)
        #expect(try meet(folder.credentials(of: "w1"), early), "old certificates on both sides")
        try folder.renew(worker, validForHours: 1)
        #expect(try meet(folder.credentials(of: "main"), folder.credentials(of: "w1")), "one renewed")
        try folder.renew(main, validForHours: 1)
        try folder.retireOldAuthorities()
        #expect(try meet(folder.credentials(of: "w1"), folder.credentials(of: "main")))
        #expect(try !meet(folder.credentials(of: "w1"), early), "the old authority is no longer trusted")
    }
}
