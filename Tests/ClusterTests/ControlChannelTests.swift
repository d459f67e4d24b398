//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import SecureTransport
import Testing
import Wire

@Suite("A control link over TLS on loopback")
struct ControlChannelTests {
    private let context: TLSContext
    private let workerContext: TLSContext
    private let listener: Listener

    init() throws {
        let authority = try CertificateAuthority.make(run: "control", validForHours: 24)
        func context(_ role: PeerIdentity.Role, _ name: String) throws -> TLSContext {
            try TLSContext(
                TLSCredentials(
                    authority.issue(to: PeerIdentity(role: role, name: name, run: "control"), validForHours: 1)))
        }
        self.context = try context(.coordinator, "coordinator")
        workerContext = try context(.worker, "w0")
        listener = try Listener(on: Endpoint(host: "127.0.0.1", port: 0))
    }

    /// A worker and the coordinator's end of its link, hands shaken.
    private func link() throws -> (worker: ControlPeer, coordinator: ControlPeer) {
        let deadline = Deadline.after(ControlPeer.patience)
        let client = try TLSConnection(
            StreamSocket.connect(to: listener.localEndpoint, until: deadline), side: .client, context: workerContext,
            expecting: .any(.coordinator, ofRun: "control"), handshakeDeadline: deadline)
        let server = try TLSConnection(
            accept(until: deadline), side: .server, context: context, expecting: .any(.worker, ofRun: "control"),
            handshakeDeadline: deadline)
        while true {
            let client = try client.progressHandshake()
            let server = try server.progressHandshake()
            if client == .done, server == .done { break }
        }
        return (
            ControlPeer(client, limits: .fromCoordinator), ControlPeer(server, limits: .fromWorker)
        )
    }

    private func accept(until deadline: Deadline) throws -> StreamSocket {
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

    private func heartbeat(_ counter: Int) throws -> ControlMessage {
        .heartbeat(try Heartbeat(counter: UInt64(counter), monotonicNanoseconds: 1, step: 0, shardsDone: 0))
    }

    @Test("messages go both ways, and a farewell ends the stream")
    func bothWays() throws {
        let (worker, coordinator) = try link()
        let snapshot = ControlMessage.snapshot(
            try Snapshot(
                step: 3, digest: [UInt8](repeating: 7, count: 32), state: (0..<100_000).map { UInt8($0 % 251) }))
        let request = ControlMessage.snapshotRequest(try SnapshotRequest(step: 3))
        try coordinator.send(request)
        #expect(try worker.next() == request)
        try worker.send(snapshot)
        #expect(try coordinator.next() == snapshot)
        #expect(coordinator.channel.peerName == "w0" && worker.channel.peerName == "coordinator")
        worker.channel.close()
        #expect(try coordinator.next() == nil)
    }

    enum Damage: CaseIterable {
        case fourGibibytes, garbage, anotherDirection

        var bytes: [UInt8] {
            var bytes: [UInt8] = []
            switch self {
            case .fourGibibytes:
                FramePrefix(kind: .snapshot, headerByteCount: 0, rawByteCount: 4 << 30).append(to: &bytes)
            case .garbage:
                bytes = Array("GET /adapter HTTP/1.1\r\n\r\n".utf8)
            case .anotherDirection:
                FramePrefix(kind: .welcome, headerByteCount: 0, rawByteCount: 0).append(to: &bytes)
            }
            return bytes
        }

        var code: WireError.Code {
            switch self {
            case .fourGibibytes: .oversized
            case .garbage: .badMagic
            case .anotherDirection: .unexpectedKind
            }
        }
    }

    @Test("bytes that are no message for this link cost this link alone", arguments: Damage.allCases)
    func damage(_ damage: Damage) throws {
        let broken = try link()
        let sound = try link()
        try broken.worker.send(raw: damage.bytes)
        // Not only the first call says so.
        for _ in 0..<2 {
            #expect {
                try broken.coordinator.receiveOnce()
            } throws: { error in
                (error as? WireError)?.code == damage.code
            }
        }
        broken.coordinator.channel.close()
        #expect(try broken.worker.isDropped())
        let request = ControlMessage.snapshotRequest(try SnapshotRequest(step: 1))
        try sound.coordinator.send(request)
        #expect(try sound.worker.next() == request)
        try sound.worker.send(heartbeat(1))
        #expect(try sound.coordinator.receiveOnce().messages == [heartbeat(1)])
    }

    @Test("what came before a broken frame is handed over first", arguments: Damage.allCases)
    func beforeTheDamage(_ damage: Damage) throws {
        let (worker, coordinator) = try link()
        let sound = try (1...3).map(heartbeat)
        // One write, so that all of it comes in one TLS record.
        try worker.send(raw: sound.flatMap { $0.frame.encode() } + damage.bytes)
        let received = try coordinator.receiveOnce()
        #expect(received.messages == sound && !received.isClosed && received.hasMore)
        #expect {
            try coordinator.receiveOnce()
        } throws: { error in
            (error as? WireError)?.code == damage.code
        }
    }

    @Test("a talkative peer's messages are handed over 64 at a time")
    func inPortions() throws {
        let (worker, coordinator) = try link()
        let messages = try (1...150).map(heartbeat)
        for message in messages {
            try worker.channel.send(message)
        }
        try worker.finishSending()
        var received: [ControlMessage] = []
        var portions: [Int] = []
        while received.count < messages.count {
            let portion = try coordinator.receiveOnce()
            received += portion.messages
            portions.append(portion.messages.count)
            // Poll cannot see what is left: the channel has to say so.
            #expect(portion.hasMore == (received.count < messages.count))
        }
        #expect(received == messages)
        #expect(portions == [64, 64, 22])
    }
}
