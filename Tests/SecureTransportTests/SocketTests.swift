//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Testing

@Suite struct SocketTests {
    @Test(
        "Addresses are parsed as written",
        arguments: [
            ("node1:29500", "node1", 29500), ("10.0.0.7:0", "10.0.0.7", 0), ("[::1]:65535", "::1", 65535),
            ("[fe80::1%eth0]:1", "fe80::1%eth0", 1), ("a_b-c.example:80", "a_b-c.example", 80),
        ] as [(String, String, UInt16)])
    func parses(text: String, host: String, port: UInt16) throws {
        let endpoint = try Endpoint(parsing: text)
        #expect(endpoint.host == host && endpoint.port == port)
        #expect(endpoint.description == text)
    }

    @Test(
        "What is no address is refused with the reason",
        arguments: [
            ("node1", "no port"), ("", "no port"), (":1", "is no host"), ("a:", "the port is"), ("a:x", "the port is"),
            ("a:65536", "the port is"), ("a:-1", "the port is"), ("a:+1", "the port is"), ("::1:80", "in brackets"),
            ("[::1]", "expected [ipv6-address]:port"), ("[::1]80", "expected [ipv6-address]:port"),
            ("[node]:1", "only IPv6"), ("a b:1", "is no host"), ("a/b:1", "is no host"), ("ä:1", "is no host"),
            ("a:1 ", "the port is"),
        ])
    func refuses(text: String, reason: String) {
        let error = #expect(throws: TransportError.self) { try Endpoint(parsing: text) }
        #expect(error?.code == .badEndpoint)
        #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
    }

    @Test("A listener on port 0 says which port it got; a second on that port is told it is in use")
    func portInUse() throws {
        let first = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        #expect(first.localEndpoint.port != 0)
        #expect(first.localEndpoint.host == "127.0.0.1")
        let error = #expect(throws: TransportError.self) { try Listener(on: first.localEndpoint) }
        #expect(error?.code == .portInUse)
        #expect(error?.message.contains("port \(first.localEndpoint.port) is in use") == true)
    }

    @Test("A caller on a machine with several addresses calls from the one that it was given")
    func callsFromAnAddress() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let client = try StreamSocket.connect(
            to: listener.localEndpoint, from: "127.0.1.7", until: .after(.seconds(20)))
        let server = try Loopback.accept(from: listener, until: .after(.seconds(20)))
        #expect(server.peerAddress.host == "127.0.1.7")
        #expect(client.localAddress == server.peerAddress)
        for source in ["192.0.2.1", "::1"] {
            let error = #expect(throws: TransportError.self) {
                _ = try StreamSocket.connect(to: listener.localEndpoint, from: source, until: .after(.seconds(20)))
            }
            #expect(error?.code == .addressUnavailable)
            #expect(error?.message.contains(source) == true)
        }
    }

    @Test("A port is free again at once after its listener and its connections have gone")
    func portIsFreeAgain() throws {
        var first: Listener? = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let endpoint = try #require(first?.localEndpoint)
        do {
            let client = try StreamSocket.connect(to: endpoint, until: .after(.seconds(20)))
            let server = try Loopback.accept(from: #require(first), until: .after(.seconds(20)))
            #expect(client.peerAddress == server.localAddress)
        }
        first = nil
        #expect(try Listener(on: endpoint).localEndpoint == endpoint)
    }

    @Test("An address of another machine cannot be listened on")
    func foreignAddress() {
        // TEST-NET-1 (RFC 5737) is nobody's.
        let error = #expect(throws: TransportError.self) { try Listener(on: Endpoint(parsing: "192.0.2.1:0")) }
        #expect(error?.code == .addressUnavailable)
    }

    @Test("Nobody calls: accept says so and does not wait")
    func acceptDoesNotBlock() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        guard case .wouldBlock = try listener.accept() else {
            Issue.record("somebody called")
            return
        }
    }

    @Test("Connecting to a port where nobody listens names the address")
    func connectionRefused() throws {
        var listener: Listener? = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let endpoint = try #require(listener?.localEndpoint)
        listener = nil
        let error = #expect(throws: TransportError.self) {
            _ = try StreamSocket.connect(to: endpoint, until: .after(.seconds(20)))
        }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("cannot connect to \(endpoint)") == true)
        #expect(error?.message.contains("Connection refused") == true)
    }

    /// An endpoint that answers no more: its queue of callers is full, so the kernel drops what comes.
    private func deafEndpoint() throws -> (Listener, [PlainSocket]) {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"), backlog: 0)
        var callers: [PlainSocket] = []
        for _ in 0..<16 {
            do {
                callers.append(
                    PlainSocket(
                        try StreamSocket.connect(to: listener.localEndpoint, until: .after(.milliseconds(100)))))
            } catch let error as TransportError where error.code == .timedOut {
                return (listener, callers)
            }
        }
        throw TransportError(.system, "the queue of callers never filled")
    }

    @Test("Connecting to one who does not answer ends at the deadline")
    func connectTimesOut() throws {
        let (listener, callers) = try deafEndpoint()
        let start = MonotonicClock.now()
        let error = #expect(throws: TransportError.self) {
            _ = try StreamSocket.connect(to: listener.localEndpoint, until: .after(.milliseconds(150)))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.message.contains("\(listener.localEndpoint): no answer in time") == true)
        #expect(MonotonicClock.now().since(start) >= .milliseconds(150))
        #expect(!callers.isEmpty)
    }

    @Test("Connecting ends when its wake signal is fired")
    func connectCancelled() throws {
        let (listener, callers) = try deafEndpoint()
        let signal = try WakeSignal()
        signal.fire()
        let error = #expect(throws: TransportError.self) {
            _ = try StreamSocket.connect(to: listener.localEndpoint, until: .never, cancellation: signal)
        }
        #expect(error?.code == .cancelled)
        #expect(!callers.isEmpty)
    }

    @Test("The address that leads to loopback is loopback's own")
    func localAddress() throws {
        #expect(try LocalAddress.usedToReach(Endpoint(parsing: "127.0.0.1:9")) == "127.0.0.1")
    }
}
