//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Collectives
import SecureTransport
import Wire

/// The data links of one generation as the collectives use them: one loop around poll for all of them, so that both
/// directions of every link progress at the same time.
package final class DataLinks: PeerLinks {
    package let workerRank: Int
    let generation: Int
    private let members: [Roster.Member]
    /// In ring order.
    private let links: [DataLink]
    private let cancellation: WakeSignal
    private var poller = Poller()
    private var exchangeCount: UInt64 = 0

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
    }

    package var worldSize: Int { members.count }

    package func exchange(
        outgoing: [OutgoingSegment], incoming: [IncomingSegment], deadline: ContinuousClock.Instant,
        received: (Int) -> Void
    ) throws {
        exchangeCount += 1
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
            // Everything that a link took may let another link's segment go: sending comes after receiving.
            for link in links {
                try progress(link) {
                    let closed = try link.receive(check: { try check($0, $1, from: link) }) { index in
                        received(index)
                        isIn[index] = true
                    }
                    guard !closed else { throw lost(link, "it closed the link") }
                }
            }
            for link in links {
                try progress(link) { try link.send(isReady: isReady, header: header) }
            }
            if links.allSatisfy(\.isDone) { return }
            var interests: [Int32: Interest] = [cancellation.descriptor: .readable]
            for link in links {
                let canSend = link.nextOutgoing.map(isReady) ?? false
                interests[link.connection.descriptor] = link.interest(canSend: canSend)
            }
            let ready = try poller.wait(for: interests, until: until)
            if ready[cancellation.descriptor] != nil {
                throw TransportError(.cancelled, "the exchange was cancelled")
            }
            if ready.isEmpty, until.hasPassed {
                let awaited = links.filter { !$0.isDone }
                throw CollectiveError(
                    .deadlinePassed, peers: awaited.map(\.peer.workerRank),
                    "exchange \(exchangeCount) of generation \(generation) was not done in time; awaited: "
                        + awaited.map(\.peer.name).joined(separator: ", "))
            }
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

    private func header(_ segment: OutgoingSegment) throws -> [UInt8] {
        try ChunkHeader(
            generation: generation, exchange: exchangeCount, round: 0, offset: segment.range.lowerBound,
            elementCount: segment.range.count
        ).encodeWithPrefix()
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
