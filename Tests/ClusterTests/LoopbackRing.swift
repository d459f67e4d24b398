//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import SecureTransport
import Synchronization
import Wire

/// Workers of one run in threads of this process, each with a listener and credentials of its own.
struct LoopbackRing: Sendable {
    let run = "ring"
    let roster: Roster
    let contexts: [TLSContext]
    let listeners: [Listener]
    let cancellations: [WakeSignal]
    /// For tests in which one worker waits for another.
    let finished = DispatchSemaphore(value: 0)

    init(worldSize: Int) throws {
        let authority = try CertificateAuthority.make(run: "ring", validForHours: 24)
        let names = (0..<worldSize).map { "w\($0)" }
        contexts = try names.map { name in
            try TLSContext(
                TLSCredentials(
                    authority.issue(to: PeerIdentity(role: .worker, name: name, run: "ring"), validForHours: 1)))
        }
        listeners = try names.map { _ in try Listener(on: Endpoint(host: "127.0.0.1", port: 0)) }
        cancellations = try names.map { _ in try WakeSignal() }
        roster = try Roster(
            generation: 1,
            members: zip(names, listeners).enumerated().map { rank, member in
                try Roster.Member(
                    workerRank: rank, name: member.0, dataEndpoint: member.1.localEndpoint.description, slots: 1)
            })
    }

    func formation(_ rank: Int, timeLimit: Duration = .seconds(60)) -> DataLinkFormation {
        DataLinkFormation(
            ownName: roster.members[rank].name, runID: run, coordinatorIncarnation: 1, listener: listeners[rank],
            context: contexts[rank],
            timeLimit: timeLimit)
    }

    /// Links everyone up, waits for all as the coordinator does, and runs `body` in a thread for each worker.
    ///
    /// Nobody closes a link before everybody is done, as the coordinator's farewell has it.
    /// - Parameter dying: Who closes its links at the end of its body.
    func run<Output: Sendable>(
        dying: Int? = nil, _ body: @escaping @Sendable (DataLinks, Int) throws -> Output
    ) -> [Result<Output, any Error>] {
        let world = roster.members.count
        let results = Mutex<[Int: Result<Output, any Error>]>([:])
        let everyone = DispatchGroup()
        let linked = DispatchGroup()
        let done = DispatchGroup()
        for _ in 0..<world {
            everyone.enter()
            linked.enter()
            done.enter()
        }
        for rank in 0..<world {
            Thread.detachNewThread {
                var formed = Result { try formation(rank).form(roster, cancellation: cancellations[rank]) }
                linked.leave()
                linked.wait()
                let result = formed.flatMap { links in Result { try body(links, rank) } }
                results.withLock { $0[rank] = result }
                done.leave()
                if rank == dying {
                    formed = .failure(CancellationError())
                }
                done.wait()
                withExtendedLifetime(formed) {}
                everyone.leave()
            }
        }
        everyone.wait()
        return results.withLock { results in (0..<world).compactMap { results[$0] } }
    }
}
