//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import Glibc
import SecureTransport
import Testing
import Wire

/// Strangers in numbers at the ports of coordinator and workers.
@Suite struct CrowdTests {
    /// Connections that say nothing, or something that is no TLS, and stay.
    private final class Crowd {
        private let sockets: [Int32]

        init(_ count: Int, at endpoint: Endpoint, saying text: String = "") throws {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let bytes = Array(text.utf8)
            sockets = try (0..<count).map { _ in
                let socket = try StreamSocket.connect(to: endpoint, until: .after(ControlPeer.patience))
                if !bytes.isEmpty { _ = Glibc.send(socket.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
                return dup(socket.descriptor)
            }
        }

        deinit {
            for socket in sockets { close(socket) }
        }
    }

    @Test("Idle callers beyond every limit keep no worker out, and the log says that the oldest gave way")
    func idleAtTheCoordinator() throws {
        let coordinator = try LoopbackCoordinator(workers: 1)
        let crowd = try Crowd(400, at: coordinator.endpoint)
        let worker = try coordinator.dial("w0")
        try worker.send(coordinator.hello())
        guard case .welcome? = try worker.next() else {
            Issue.record("the worker was not welcomed")
            return
        }
        let late = try Crowd(400, at: coordinator.endpoint)
        guard case .roster? = try worker.next() else {
            Issue.record("the worker gave way to strangers")
            return
        }
        try coordinator.end()
        let refusals = coordinator.log.lines.filter { $0.hasPrefix("caller-refused") }
        #expect(refusals.contains { $0.contains("gave way to a newer caller") })
        #expect(refusals.count < 100, "each stranger has a line of its own")
        withExtendedLifetime((crowd, late)) {}
    }

    @Test("Idle and babbling callers at the data ports keep no link from forming")
    func crowdAtTheDataPorts() throws {
        let ring = try LoopbackRing(worldSize: 3)
        let crowds = try ring.listeners.flatMap { listener in
            [
                try Crowd(100, at: listener.localEndpoint),
                try Crowd(40, at: listener.localEndpoint, saying: "GET / HTTP/1.1\r\n\r\n"),
            ]
        }
        let outcomes = ring.run { _, rank in rank }
        #expect(try outcomes.map { try $0.get() } == [0, 1, 2])
        withExtendedLifetime(crowds) {}
    }
}
