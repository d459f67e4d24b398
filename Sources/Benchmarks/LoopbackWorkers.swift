//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import SecureTransport
import Synchronization
import Wire

/// Workers in threads of this process, each with a listener and a certificate of its own, linked over TLS on loopback.
struct LoopbackWorkers {
    private static let runName = "loopback"

    private let roster: Roster
    private let contexts: [TLSContext]
    private let listeners: [Listener]
    private let cancellations: [WakeSignal]

    init(worldSize: Int) throws {
        let authority = try CertificateAuthority.make(run: Self.runName, validForHours: 24)
        let names = (0..<worldSize).map { "worker-\($0)" }
        contexts = try names.map { name in
            try TLSContext(
                TLSCredentials(
                    authority.issue(
                        to: PeerIdentity(role: .worker, name: name, run: Self.runName), validForHours: 24)))
        }
        let listeners = try names.map { _ in try Listener(on: Endpoint(host: "127.0.0.1", port: 0)) }
        self.listeners = listeners
        cancellations = try names.map { _ in try WakeSignal() }
        roster = try Roster(
            generation: 1,
            members: names.enumerated().map { rank, name in
                try Roster.Member(
                    workerRank: rank, name: name, dataEndpoint: listeners[rank].localEndpoint.description, slots: 1)
            })
    }

    /// Runs `body` on one thread a worker, with all links standing.
    ///
    /// The first that throws ends the exchanges of all others.
    /// - Throws: What that one threw, or why links could not be made.
    func run(_ body: @escaping @Sendable (DataLinks) throws -> Void) throws {
        let first = FirstError()
        let linked = DispatchGroup()
        let done = DispatchGroup()
        for _ in roster.members {
            linked.enter()
            done.enter()
        }
        let threads = roster.members.indices.map { rank in
            let formation = DataLinkFormation(
                ownName: roster.members[rank].name, runID: Self.runName, coordinatorIncarnation: 1,
                listener: listeners[rank], context: contexts[rank], timeLimit: .seconds(60))
            return JoinableThread(name: "worker-\(rank)") { [roster, cancellations] in
                let formed = Result { try formation.form(roster, cancellation: cancellations[rank]) }
                linked.leave()
                linked.wait()
                do {
                    try body(formed.get())
                } catch {
                    first.set(error)
                    for cancellation in cancellations { cancellation.fire() }
                }
                // Nobody closes a link that another one still watches.
                done.leave()
                done.wait()
                withExtendedLifetime(formed) {}
            }
        }
        for thread in threads { thread.join() }
        if let error = first.error { throw error }
    }

    /// The error that came first.
    private final class FirstError: Sendable {
        private let state = Mutex<(any Error)?>(nil)

        func set(_ error: any Error) {
            state.withLock { $0 = $0 ?? error }
        }

        var error: (any Error)? { state.withLock { $0 } }
    }
}
