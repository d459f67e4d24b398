//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import SecureTransport
package import Wire

/// Data links that did not come about in time.
package struct MissingDataLinks: Error, Hashable, Sendable, CustomStringConvertible {
    /// The places in the roster of those with whom there is none, ascending.
    package let workerRanks: [Int]
    package let description: String
}

/// Links every pair of a roster's workers: each dials those before it in the ring order and accepts those behind it.
///
/// All handshakes progress at the same time.
package final class DataLinkFormation {
    private let ownName: String
    private let runID: String
    private let coordinatorIncarnation: UInt64
    private let listener: Listener
    private let ownContext: TLSContext
    private let renewal: RotatingContext?
    private let timeLimit: Duration
    private let source: String?
    private let refused: (String) -> Void
    /// Callers that are not known to be members of the roster yet.
    private var strangers = AdmissionQueue(limit: strangerLimit)
    private var notes = RefusalNotes()

    /// Callers at a time whose hello has not come; the roster's members are done within moments.
    private static let strangerLimit = 64
    /// How long a caller has for its handshake and its hello.
    private static let callerTime = Duration.seconds(10)
    /// Callers that are taken between two looks at all the others.
    private static let acceptedAtOnce = 64

    /// For the next connection.
    private var context: TLSContext { renewal?.current ?? ownContext }

    /// - Parameters:
    ///   - listener: Where the others dial; it was advertised in the hello.
    ///   - source: The address of this machine to call from; nil leaves it to the kernel.
    ///   - renewal: Where renewed certificates come from; nil: `context` stays in use.
    ///   - refused: Told of callers that were refused, in lines to write.
    package init(
        ownName: String, runID: String, coordinatorIncarnation: UInt64, listener: Listener, context: TLSContext,
        timeLimit: Duration, source: String? = nil, renewal: RotatingContext? = nil,
        refused: @escaping (String) -> Void = { _ in }
    ) {
        self.ownName = ownName
        self.runID = runID
        self.coordinatorIncarnation = coordinatorIncarnation
        self.listener = listener
        ownContext = context
        self.renewal = renewal
        self.timeLimit = timeLimit
        self.source = source
        self.refused = refused
    }

    /// One link on its way: TLS, then a hello each way.
    private final class Attempt {
        let connection: TLSConnection
        /// Whom we dialled; nil for a caller.
        let dialled: Roster.Member?
        /// Until when a caller must have said hello.
        let until: Deadline
        /// Who is at the other end; not known of a caller until its hello.
        var peer: Roster.Member?
        var isSecure = false
        var output: [UInt8] = []
        var sent = 0
        var decoder = FrameDecoder(limits: .dataLink)
        var hasHello = false

        init(_ connection: TLSConnection, dialled: Roster.Member? = nil, until: Deadline) {
            self.connection = connection
            self.dialled = dialled
            self.until = until
            peer = dialled
        }

        var isDone: Bool { isSecure && hasHello && sent == output.count && peer != nil }

        var interest: Interest {
            guard isSecure else { return connection.interest }
            let writing: Interest = connection.writeInterest.isEmpty ? .writable : connection.writeInterest
            return sent < output.count ? connection.readInterest.union(writing) : connection.readInterest
        }
    }

    /// Links up with everyone in `roster`.
    ///
    /// A peer that hangs up is dialled again: it may not have left its former generation yet.
    /// - Throws: `ClusterError` if we are not in it; `MissingDataLinks` when the time is over; `TransportError` with
    ///   `.cancelled`.
    package func form(_ roster: Roster, cancellation: WakeSignal) throws -> DataLinks {
        guard let own = roster.members.first(where: { $0.name == ownName }) else {
            throw ClusterError(code: .unexpectedMessage, message: "the roster does not name this worker (\(ownName))")
        }
        let deadline = Deadline.after(timeLimit)
        strangers = AdmissionQueue(limit: Self.strangerLimit)
        var attempts: [Int32: Attempt] = [:]
        var calls = roster.members[..<own.workerRank].map { Call(peer: $0) }
        let callers = Set(
            try roster.members[(own.workerRank + 1)...].map {
                try PeerIdentity(role: .worker, name: $0.name, run: context.identity.run)
            })
        var links: [Int: DataLink] = [:]
        var poller = Poller()
        while links.count < roster.members.count - 1 {
            for place in calls.indices where calls[place].isDue {
                do {
                    let attempt = try dial(&calls[place], until: deadline, cancellation)
                    attempts[attempt.connection.descriptor] = attempt
                    // Who dials speaks first; nothing would come to wait for.
                    try progress(attempt, roster, own)
                } catch let error as TransportError where error.code != .cancelled {
                    calls[place].failed(error)
                }
            }
            var interests: [Int32: Interest] = [
                cancellation.descriptor: .readable, listener.descriptor: .readable,
            ]
            for (descriptor, attempt) in attempts {
                interests[descriptor] = attempt.interest
            }
            let next = calls.compactMap(\.next) + attempts.values.filter { $0.dialled == nil }.map(\.until)
            let ready = try poller.wait(for: interests, until: next.reduce(deadline) { min($0, $1) })
            if ready[cancellation.descriptor] != nil {
                throw TransportError(.cancelled, "linking up was cancelled")
            }
            guard !deadline.hasPassed else { throw missing(roster, links, calls) }
            if ready[listener.descriptor] != nil {
                try accept(callers, into: &attempts, deadline)
            }
            closeLate(&attempts)
            for descriptor in ready.keys {
                guard let attempt = attempts[descriptor] else { continue }
                do {
                    try progress(attempt, roster, own)
                } catch {
                    // A stranger, or a worker that will call again: it costs us nothing.
                    attempts[descriptor] = nil
                    strangers.remove(descriptor)
                    attempt.connection.close()
                    if let place = calls.firstIndex(where: { $0.peer == attempt.dialled }) {
                        calls[place].failed(error)
                    } else {
                        refuse(attempt, error)
                    }
                    continue
                }
                if attempt.isDone, let peer = attempt.peer {
                    attempts[descriptor] = nil
                    strangers.remove(descriptor)
                    // Nobody sends sums before everybody's links stand, so nothing can wait behind the hello.
                    guard attempt.decoder.waitingByteCount == 0 else {
                        throw ClusterError(
                            code: .unexpectedMessage, message: "\(peer.name) sent more than its hello")
                    }
                    links[peer.workerRank] = DataLink(peer: peer, connection: attempt.connection)
                }
            }
        }
        return DataLinks(
            workerRank: own.workerRank, generation: roster.generation, members: roster.members, links: links,
            cancellation: cancellation)
    }

    /// A peer that this worker dials, and when it does so next.
    private struct Call {
        let peer: Roster.Member
        /// Nil while an attempt is under way, or has led to a link.
        var next: Deadline? = .after(.zero)
        var pause = Duration.milliseconds(20)
        var failure: String?

        init(peer: Roster.Member) {
            self.peer = peer
        }

        var isDue: Bool { next?.hasPassed ?? false }

        mutating func failed(_ error: any Error) {
            failure = "\(error)"
            next = .after(pause)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private func dial(_ call: inout Call, until deadline: Deadline, _ cancellation: WakeSignal) throws -> Attempt {
        call.next = nil
        let peer = call.peer
        // An address that swallows packets must not keep us from those who call.
        let socket = try StreamSocket.connect(
            to: Endpoint(parsing: peer.dataEndpoint), from: source, until: min(deadline, .after(.seconds(5))),
            cancellation: cancellation)
        let identity = try PeerIdentity(role: .worker, name: peer.name, run: context.identity.run)
        let connection = try TLSConnection(
            socket, side: .client, context: context, expecting: .exactly(identity), handshakeDeadline: deadline)
        return Attempt(connection, dialled: peer, until: deadline)
    }

    private func missing(
        _ roster: Roster, _ links: [Int: DataLink], _ calls: [Call]
    )
        -> MissingDataLinks
    {
        let missing = roster.members.filter { $0.name != ownName && links[$0.workerRank] == nil }
        let reasons = missing.map { member in
            let failure = calls.first { $0.peer == member }?.failure
            return failure.map { "\(member.name) (\($0))" } ?? member.name
        }
        return MissingDataLinks(
            workerRanks: missing.map(\.workerRank),
            description: "no data link to \(reasons.joined(separator: ", ")) within \(timeLimit)")
    }

    private func accept(
        _ callers: Set<PeerIdentity>, into attempts: inout [Int32: Attempt], _ deadline: Deadline
    ) throws {
        // No more at once: who calls quicker than we accept must not keep us from everybody else.
        for _ in 0..<Self.acceptedAtOnce {
            switch try listener.accept() {
            case .wouldBlock: return
            case .turnedAway(let error): notes.note(error, from: "a caller").forEach(refused)
            case .accepted(let socket):
                let until = min(deadline, .after(Self.callerTime))
                let connection = try TLSConnection(
                    socket, side: .server, context: context, expecting: .oneOf(callers), handshakeDeadline: until)
                if let oldest = strangers.admit(connection.descriptor),
                    let attempt = attempts.removeValue(forKey: oldest)
                {
                    attempt.connection.close()
                    refuse(attempt, TransportError(.exhausted, "gave way to a newer caller before its hello"))
                }
                attempts[connection.descriptor] = Attempt(connection, until: until)
            }
        }
    }

    /// Ends the callers that have had their time.
    private func closeLate(_ attempts: inout [Int32: Attempt]) {
        for (descriptor, attempt) in attempts where attempt.dialled == nil && attempt.until.hasPassed {
            attempts[descriptor] = nil
            strangers.remove(descriptor)
            attempt.connection.close()
            refuse(attempt, TransportError(.timedOut, "no hello in time"))
        }
    }

    private func refuse(_ attempt: Attempt, _ error: any Error) {
        notes.note(error, from: "\(attempt.connection.peerAddress), at the data port").forEach(refused)
    }

    private func progress(_ attempt: Attempt, _ roster: Roster, _ own: Roster.Member) throws {
        if !attempt.isSecure {
            guard try attempt.connection.progressHandshake() == .done else { return }
            attempt.isSecure = true
            if let peer = attempt.peer {
                attempt.output = try hello(to: peer, roster, own)
            }
        }
        if !attempt.hasHello {
            try readHello(attempt, roster, own)
        }
        while attempt.sent < attempt.output.count {
            let outcome = try attempt.output.withUnsafeBytes { bytes in
                try attempt.connection.write(UnsafeRawBufferPointer(rebasing: bytes[attempt.sent...]))
            }
            guard case .bytes(let count) = outcome else { return }
            attempt.sent += count
        }
    }

    private func hello(to peer: Roster.Member, _ roster: Roster, _ own: Roster.Member) throws -> [UInt8] {
        try LinkHello(
            runID: runID, coordinatorIncarnation: coordinatorIncarnation, generation: roster.generation,
            fromWorker: own.workerRank, toWorker: peer.workerRank
        ).encode()
    }

    private func readHello(_ attempt: Attempt, _ roster: Roster, _ own: Roster.Member) throws {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let outcome = try buffer.withUnsafeMutableBytes { try attempt.connection.read(into: $0) }
        switch outcome {
        case .wouldBlock: return
        case .closed:
            throw ClusterError(code: .peerClosed, message: "\(attempt.connection.peerAddress) closed before its hello")
        case .bytes(let count): try attempt.decoder.append(Array(buffer[..<count]))
        }
        guard let frame = try attempt.decoder.next() else { return }
        let hello = try LinkHello(decoding: frame)
        let name = attempt.connection.peerIdentity?.name ?? ""
        guard hello.runID == runID, hello.coordinatorIncarnation == coordinatorIncarnation,
            hello.generation == roster.generation, hello.toWorker == own.workerRank,
            hello.fromWorker < roster.members.count, roster.members[hello.fromWorker].name == name
        else {
            throw ClusterError(
                code: .unexpectedMessage,
                message: "\(name) opened a link of run \(hello.runID), generation \(hello.generation), from "
                    + "\(hello.fromWorker) to \(hello.toWorker); expected run \(runID), generation "
                    + "\(roster.generation), to \(own.workerRank)")
        }
        attempt.hasHello = true
        if attempt.peer == nil {
            let peer = roster.members[hello.fromWorker]
            attempt.peer = peer
            attempt.output = try self.hello(to: peer, roster, own)
        }
    }
}
