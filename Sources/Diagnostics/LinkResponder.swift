//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import SecureTransport
import Synchronization

/// One end of the measurement of links: answers other hosts and measures towards them, over TLS 1.3 as training will.
///
/// Its authority and key are made here, are never written anywhere and end with it. The other hosts' authorities come
/// by way of the doctor, which reached each of them by ssh. The protocol: who dialled sends a count (8 bytes, little
/// endian) and so many bytes, and is answered by one byte; as often as it likes.
final class LinkResponder: Sendable {
    /// Largest count that is served.
    static let largestTransfer = 64 << 20
    /// How long one caller may take for one transfer.
    private static let patience = Duration.seconds(30)
    private static let callerLimit = 32

    private let authority: CertificateAuthority
    private let issued: IssuedCertificate
    private let listener: Listener
    private let wake: WakeSignal
    private let service = Mutex<(thread: JoinableThread, context: TLSContext)?>(nil)

    /// Listens on all of the machine's addresses.
    /// - Parameters:
    ///   - name: stands in the certificate.
    ///   - port: 0 for any free one.
    /// - Throws: `TransportError`.
    init(name: String, port: UInt16) throws {
        // From yesterday to tomorrow: that clocks differ is another check's finding.
        let yesterday = CalendarTime.now() - 24 * 3600
        authority = try CertificateAuthority.make(run: Self.run, validForHours: 48, at: yesterday)
        issued = try authority.issue(
            to: PeerIdentity(role: .worker, name: name, run: Self.run), validForHours: 48, at: yesterday)
        wake = try WakeSignal()
        do {
            listener = try Listener(on: Endpoint(host: "::", port: port))
        } catch let error as TransportError where error.code != .portInUse {
            // A machine without IPv6.
            listener = try Listener(on: Endpoint(host: "0.0.0.0", port: port))
        }
    }

    private static let run = "doctor"

    var port: UInt16 { listener.localEndpoint.port }

    /// The certificate of the own authority, in PEM.
    var authorityText: String { get throws { try authority.certificateText } }

    /// Answers callers from now on.
    /// - Parameter authorities: Certificates in PEM of those whom to trust.
    /// - Throws: `TransportError` where one is none.
    func start(trusting authorities: [String]) throws {
        let context = try TLSContext(TLSCredentials(issued, trustingTexts: authorities))
        let thread = JoinableThread(name: "doctor") { [listener, wake] in
            Self.serve(listener, context, wake)
        }
        service.withLock { $0 = (thread, context) }
    }

    /// Stops answering.
    func stop() {
        wake.fire()
        service.withLock { $0 }?.thread.join()
    }

    // MARK: Answering

    private static func serve(_ listener: Listener, _ context: TLSContext, _ wake: WakeSignal) {
        var handshakes = PendingHandshakes(limit: callerLimit)
        var poller = Poller()
        var callers: [JoinableThread] = []
        defer {
            handshakes.closeAll()
            for caller in callers { caller.join() }
        }
        while true {
            var interests = handshakes.interests
            interests[wake.descriptor] = .readable
            if callers.count < 1024 { interests[listener.descriptor] = .readable }
            guard let ready = try? poller.wait(for: interests, until: handshakes.nextDeadline ?? .never) else { return }
            if ready[wake.descriptor] != nil { return }
            if ready[listener.descriptor] != nil, case .accepted(let socket)? = try? listener.accept(),
                let connection = try? TLSConnection(
                    socket, side: .server, context: context, expecting: .any(.worker, ofRun: run),
                    handshakeDeadline: .after(.seconds(10)))
            {
                _ = handshakes.add(connection)
            }
            for case .done(let connection) in handshakes.progress() {
                callers.append(JoinableThread(name: "doctor link") { answer(connection, wake) })
            }
        }
    }

    private static func answer(_ connection: TLSConnection, _ wake: WakeSignal) {
        defer { connection.close() }
        do {
            var stream = BlockingStream(connection, cancellation: wake)
            while let header = try stream.read(exactly: 8, until: .after(patience)) {
                let count = header.reversed().reduce(0) { $0 << 8 | UInt64($1) }
                guard count <= UInt64(largestTransfer) else { return }
                guard try stream.skip(Int(count), until: .after(patience)) else { return }
                try stream.write([1], until: .after(patience))
            }
        } catch {
            // The caller sees its connection end and reports that.
            return
        }
    }

    // MARK: Measuring

    /// Measures latency and bandwidth to another host's responder.
    func measure(_ endpoint: String, within limit: Duration) -> LinkFacts {
        var facts = LinkFacts(endpoint: endpoint)
        guard let context = service.withLock({ $0?.context }) else {
            facts.problem = "asked to measure before it was asked to trust"
            return facts
        }
        do {
            let deadline = Deadline.after(limit)
            let socket = try StreamSocket.connect(to: Endpoint(parsing: endpoint), until: deadline)
            let connection = try TLSConnection(
                socket, side: .client, context: context, expecting: .any(.worker, ofRun: Self.run),
                handshakeDeadline: deadline)
            defer { connection.close() }
            var stream = BlockingStream(connection, cancellation: nil)
            try stream.shakeHands()
            func seconds(sending count: Int) throws -> Double {
                let header = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(count) >> (8 * $0)) }
                let begun = MonotonicClock.now()
                try stream.write(header + [UInt8](repeating: 0xA5, count: count), until: deadline)
                guard try stream.read(exactly: 1, until: deadline) != nil else {
                    throw TransportError(.truncated, "\(endpoint) ended the measurement")
                }
                return MonotonicClock.now().since(begun) / .seconds(1)
            }
            let trips = try (0..<15).map { _ in try seconds(sending: 0) }.sorted()
            facts.latency = trips[trips.count / 2]
            // Larger and larger, until it takes long enough to be told from the latency.
            var count = 256 << 10
            while true {
                let time = try seconds(sending: count)
                facts.bandwidth = Double(count) / max(time - trips[0], 1e-6)
                if time > 0.1 || count >= 16 << 20 { break }
                count *= 4
            }
        } catch {
            facts.problem = "\(error)"
        }
        return facts
    }
}

/// Reads and writes of a TLS connection that wait.
struct BlockingStream {
    private let connection: TLSConnection
    private let cancellation: WakeSignal?
    private var poller = Poller()
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    init(_ connection: TLSConnection, cancellation: WakeSignal?) {
        self.connection = connection
        self.cancellation = cancellation
    }

    /// Takes the handshake to its end.
    /// - Throws: As `TLSConnection.progressHandshake`.
    mutating func shakeHands() throws {
        while try connection.progressHandshake() == .waiting {
            try wait(for: connection.interest, until: connection.handshakeDeadline)
        }
    }

    /// - Returns: nil where the peer said farewell before the first byte.
    mutating func read(exactly count: Int, until deadline: Deadline) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let more = try readSome(upTo: count - bytes.count, until: deadline) else { return nil }
            bytes += more
        }
        return bytes
    }

    /// Reads bytes and forgets them.
    /// - Returns: false where the peer said farewell before.
    mutating func skip(_ count: Int, until deadline: Deadline) throws -> Bool {
        var left = count
        while left > 0 {
            guard let more = try readSome(upTo: min(left, buffer.count), until: deadline) else { return false }
            left -= more.count
        }
        return true
    }

    mutating func write(_ bytes: [UInt8], until deadline: Deadline) throws {
        var written = 0
        while written < bytes.count {
            switch try bytes.withUnsafeBytes({ try connection.write(UnsafeRawBufferPointer(rebasing: $0[written...])) })
            {
            case .bytes(let count): written += count
            case .closed: throw TransportError(.connectionLost, "\(connection.peerAddress) has closed the connection")
            case .wouldBlock: try wait(for: connection.writeInterest, until: deadline)
            }
        }
    }

    private mutating func readSome(upTo count: Int, until deadline: Deadline) throws -> ArraySlice<UInt8>? {
        while true {
            let outcome = try buffer.withUnsafeMutableBytes {
                try connection.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<min(count, $0.count)]))
            }
            switch outcome {
            case .bytes(let count): return buffer[..<count]
            case .closed: return nil
            case .wouldBlock: try wait(for: connection.readInterest, until: deadline)
            }
        }
    }

    private mutating func wait(for interest: Interest, until deadline: Deadline) throws {
        var interests = [connection.descriptor: interest]
        if let cancellation { interests[cancellation.descriptor] = .readable }
        let ready = try poller.wait(for: interests, until: deadline)
        if let cancellation, ready[cancellation.descriptor] != nil {
            throw TransportError(.cancelled, "the measurement has ended")
        }
        if ready.isEmpty { throw TransportError(.timedOut, "nothing moved on the link to \(connection.peerAddress)") }
    }
}
