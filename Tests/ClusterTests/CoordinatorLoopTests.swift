//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Glibc
import SecureTransport
import Testing
import Wire

@Suite("The coordinator's loop and its callers")
struct CoordinatorLoopTests {
    /// A caller that speaks no TLS.
    private final class PlainCaller {
        private let socket: StreamSocket

        init(_ endpoint: Endpoint) throws {
            socket = try StreamSocket.connect(to: endpoint, until: .after(ControlPeer.patience))
        }

        func send(_ text: String) {
            let bytes = Array(text.utf8)
            let sent = bytes.withUnsafeBytes {
                Glibc.send(socket.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            precondition(sent == bytes.count, "sent \(sent) of \(bytes.count) bytes")
        }

        /// Waits until the other end has closed the connection.
        func isDropped() throws -> Bool {
            let deadline = Deadline.after(ControlPeer.patience)
            var poller = Poller()
            var bytes = [UInt8](repeating: 0, count: 4096)
            while try !poller.wait(for: .readable, of: socket.descriptor, until: deadline).isEmpty {
                let count = recv(socket.descriptor, &bytes, bytes.count, 0)
                // A TLS alert may come before the end.
                if count == 0 || count < 0 && errno != EAGAIN { return true }
            }
            return false
        }
    }

    /// A worker joins: nobody's misconduct has cost it its place.
    private func join(_ name: String, _ coordinator: LoopbackCoordinator) throws -> ControlPeer {
        let peer = try coordinator.dial(name)
        try peer.send(coordinator.hello())
        let answer = try peer.next()
        guard case .welcome(let welcome)? = answer else {
            throw ClusterError(code: .unexpectedMessage, message: "\(name) was answered \(String(describing: answer))")
        }
        #expect(welcome.runID == "loop" && welcome.configuration == "model: tiny\n" && welcome.labelCount == 2)
        return peer
    }

    /// The roster goes to all of them, and the run is not over until it is ended.
    private func finish(_ peers: [String: ControlPeer], _ coordinator: LoopbackCoordinator) throws {
        for peer in peers.values {
            guard case .roster(let roster)? = try peer.next() else {
                Issue.record("no roster came")
                return
            }
            #expect(Set(roster.members.map(\.name)) == Set(peers.keys))
        }
        try coordinator.end()
        for peer in peers.values {
            guard case .farewell(let farewell)? = try peer.next() else {
                Issue.record("no farewell came")
                return
            }
            #expect(farewell.reason == .finished && farewell.exitCode == 0)
            #expect(try peer.isDropped())
        }
    }

    @Test("who speaks no TLS is dropped, and workers still join")
    func plaintext() throws {
        let coordinator = try LoopbackCoordinator(workers: 2)
        let first = try join("w0", coordinator)
        let stranger = try PlainCaller(coordinator.endpoint)
        stranger.send("GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n")
        #expect(try stranger.isDropped())
        let second = try join("w1", coordinator)
        try finish(["w0": first, "w1": second], coordinator)
        #expect(coordinator.log.lines.count { $0.hasPrefix("caller-refused") } == 1)
    }

    @Test("callers that never finish their handshake keep nobody from joining")
    func silent() throws {
        let coordinator = try LoopbackCoordinator(workers: 2)
        let silent = try (0..<20).map { _ in try PlainCaller(coordinator.endpoint) }
        // The beginning of a TLS record, and then nothing.
        silent[0].send("\u{16}\u{03}")
        let first = try join("w0", coordinator)
        let second = try join("w1", coordinator)
        try finish(["w0": first, "w1": second], coordinator)
        for caller in silent {
            #expect(try caller.isDropped())
        }
    }

    @Test("who does not finish its handshake in time is dropped")
    func handshakeTooLate() throws {
        let coordinator = try LoopbackCoordinator(workers: 1, handshakeTime: .milliseconds(100))
        let silent = try PlainCaller(coordinator.endpoint)
        #expect(try silent.isDropped())
        try coordinator.end()
        #expect(coordinator.log.lines.contains { $0.hasPrefix("caller-refused") && $0.contains("handshake") })
    }

    @Test("a worker of a name that started earlier is refused in words; the later one keeps its place")
    func sameName() throws {
        let coordinator = try LoopbackCoordinator(workers: 2)
        let first = try join("w0", coordinator)
        let again = try coordinator.dial("w0")
        try again.send(coordinator.hello(incarnation: 1))
        guard case .refusal(let refusal)? = try again.next() else {
            Issue.record("no refusal came")
            return
        }
        #expect(refusal.code == .nameInUse)
        #expect(try again.isDropped())
        let second = try join("w1", coordinator)
        try finish(["w0": first, "w1": second], coordinator)
    }

    enum Misplaced: CaseIterable {
        case snapshotNobodyAskedFor, secondHello, reportOfNoStep, textsOfNoStep

        func message(_ coordinator: LoopbackCoordinator) throws -> ControlMessage {
            let digest = [UInt8](repeating: 3, count: 32)
            return switch self {
            case .snapshotNobodyAskedFor: .snapshot(try Snapshot(step: 1, digest: digest, state: [1, 2, 3]))
            case .secondHello: try coordinator.hello()
            case .reportOfNoStep:
                .predictionReport(
                    try PredictionReport(
                        generation: 1, workID: 9, shardIndex: 0, exampleIDs: [4], labelCount: 2, logits: [0, 1]))
            case .textsOfNoStep:
                .textReport(
                    try TextReport(generation: 1, workID: 9, shardIndex: 0, exampleIDs: [4], texts: [[0, 1]]))
            }
        }
    }

    @Test(
        "a message that has no place costs its worker the link, and its place is free again",
        arguments: Misplaced.allCases)
    func misplaced(_ misplaced: Misplaced) throws {
        let coordinator = try LoopbackCoordinator(workers: 2)
        let first = try join("w0", coordinator)
        try first.send(misplaced.message(coordinator))
        #expect(try first.isDropped())
        #expect(coordinator.log.lines.contains { $0.hasPrefix("worker-lost: w0") })
        let again = try join("w0", coordinator)
        let second = try join("w1", coordinator)
        try finish(["w0": again, "w1": second], coordinator)
    }

    @Test("whose first message is no hello is dropped")
    func noHello() throws {
        let coordinator = try LoopbackCoordinator(workers: 1)
        let stranger = try coordinator.dial("w0")
        try stranger.send(.linksReady(LinksReady(generation: 1)))
        #expect(try stranger.isDropped())
        try finish(["w0": join("w0", coordinator)], coordinator)
    }
}
