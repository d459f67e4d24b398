//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Collectives
import Glibc
import SecureTransport
import Wire

/// The data links of one generation as the collectives use them: one loop around poll for all of them, so that both
/// directions of every link progress at the same time.
package final class DataLinks: PeerLinks {
    package let workerRank: Int
    let generation: Int
    private let members: [Roster.Member]
    /// By worker rank.
    private let links: [DataLink]
    private let cancellation: WakeSignal
    private var poller = Poller()
    /// The cancellation's signal, then the links.
    private var waits: [Poller.Wait]
    private var exchangeCount: UInt64 = 0
    /// Whether an exchange broke off: bytes of it are on the way, so these links carry no other.
    private var isBroken = false

    /// How long a worker with nothing to do looks again and again before it sleeps.
    ///
    /// Waking up costs more than a short message's way. Whoever else wants the processor gets it in between.
    private static let attentiveTime = Duration.microseconds(50)

    /// - Parameter links: A link to every other member, by worker rank.
    init(
        workerRank: Int, generation: Int, members: [Roster.Member], links: [Int: DataLink], cancellation: WakeSignal
    ) {
        precondition(links.count == members.count - 1, "\(links.count) links for \(members.count) members")
        self.workerRank = workerRank
        self.generation = generation
        self.members = members
        self.links = links.sorted { $0.key < $1.key }.map(\.value)
        self.cancellation = cancellation
        waits = [Poller.Wait(cancellation.descriptor, for: .readable)]
        waits += self.links.map { Poller.Wait($0.connection.descriptor, for: []) }
    }

    package var worldSize: Int { members.count }

    package func exchange(
        outgoing: [OutgoingSegment], incoming: [IncomingSegment], deadline: ContinuousClock.Instant
    ) throws {
        guard !isBroken else {
            throw CollectiveError(
                .peerLost, peers: [], "the data links of generation \(generation) broke in an exchange before")
        }
        exchangeCount += 1
        isBroken = true
        let until = Deadline.after(ContinuousClock.now.duration(to: deadline))
        for link in links {
            let peer = link.peer.workerRank
            link.begin(
                outgoing: outgoing.filter { $0.peer == peer },
                incoming: incoming.enumerated().filter { $0.element.peer == peer }.map { ($0.offset, $0.element) })
        }
        var isIn = [Bool](repeating: false, count: incoming.count)
        func isReady(_ segment: OutgoingSegment) -> Bool { segment.after.allSatisfy { isIn[$0] } }
        while true {
            for link in links {
                try progress(link) { try link.send(isReady: isReady, header: header) }
            }
            var closed: DataLink?
            for link in links {
                try progress(link) {
                    let isClosed = try link.receive(check: { try check($0, $1, from: link) }) { isIn[$0] = true }
                    if isClosed { closed = link }
                }
            }
            if links.allSatisfy(\.isDone) {
                isBroken = false
                return
            }
            if let closed { throw lost(closed, "it closed the link") }
            let canGoOn = links.contains { $0.hasMoreInput || $0.canSend(isReady) }
            try wait(isReady, until: canGoOn ? .after(.zero) : until)
            if !canGoOn, until.hasPassed {
                let awaited = links.filter { !$0.isDone }
                throw CollectiveError(
                    .deadlinePassed, peers: awaited.map(\.peer.workerRank),
                    "exchange \(exchangeCount) of generation \(generation) was not done in time; awaited: "
                        + awaited.map(\.peer.name).joined(separator: ", "))
            }
        }
    }

    /// Waits until a link can go on, at first attentively.
    /// - Throws: `TransportError` with `.cancelled`.
    private func wait(_ isReady: (OutgoingSegment) -> Bool, until: Deadline) throws {
        for (place, link) in links.enumerated() {
            waits[place + 1].interest = link.interest(isReady)
        }
        let attentive = min(Deadline.after(Self.attentiveTime), until)
        while try !poller.wait(for: &waits, until: .after(.zero)) {
            guard !attentive.hasPassed else {
                _ = try poller.wait(for: &waits, until: until)
                break
            }
            sched_yield()
        }
        guard waits[0].ready.isEmpty else {
            throw TransportError(.cancelled, "the exchange was cancelled")
        }
        for (place, link) in links.enumerated() {
            link.noteReady(waits[place + 1].ready)
        }
    }

    /// Puts the peer's name on whatever goes wrong with its link.
    private func progress(_ link: DataLink, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as TransportError {
            throw lost(link, error.message)
        } catch let error as WireError {
            throw CollectiveError(
                .unexpectedData, peers: [link.peer.workerRank], "\(link.peer.name) sent a broken frame: \(error)")
        }
    }

    private func lost(_ link: DataLink, _ reason: String) -> CollectiveError {
        CollectiveError(
            .peerLost, peers: [link.peer.workerRank], "the data link to \(link.peer.name) is lost: \(reason)")
    }

    private func header(_ segment: OutgoingSegment) throws -> ChunkHeader {
        try ChunkHeader(
            generation: generation, exchange: exchangeCount, offset: segment.range.lowerBound,
            elementCount: segment.range.count)
    }

    private func check(_ header: ChunkHeader, _ segment: IncomingSegment, from link: DataLink) throws {
        guard header.generation == generation, header.exchange == exchangeCount,
            header.offset == segment.range.lowerBound, header.elementCount == segment.range.count
        else {
            throw CollectiveError(
                .unexpectedData, peers: [link.peer.workerRank],
                "\(link.peer.name) sent elements \(header.offset)..<\(header.offset + header.elementCount) of exchange "
                    + "\(header.exchange), generation \(header.generation); expected \(segment.range) of exchange "
                    + "\(exchangeCount), generation \(generation)")
        }
    }
}
