//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A stretch of a vector that goes to a peer.
package struct OutgoingSegment {
    /// The receiver's worker rank.
    package let peer: Int
    /// Where in the vector the stretch is, in elements; the receiver expects the same.
    package let range: Range<Int>
    /// The elements, in memory that stays in place until the exchange returns.
    package let elements: UnsafeBufferPointer<Int64>
    /// The incoming segments, by index, that must have been received before this one is read and sent.
    package let after: [Int]
}

/// A stretch of a vector that comes from a peer.
package struct IncomingSegment {
    /// The sender's worker rank.
    package let peer: Int
    /// Where in the vector the stretch is, in elements.
    package let range: Range<Int>
    /// What becomes of the elements.
    package let destination: Destination

    /// In memory that stays in place until the exchange returns.
    package enum Destination {
        /// They are the final sums.
        case replace(UnsafeMutableBufferPointer<Int64>)
        /// They are this peer's part of a sum.
        case add(SumInProgress)
    }
}

/// The links of one worker to all others, as all-reduce needs them.
///
/// One primitive does everything, so that an implementation over sockets is one loop around poll, and so that no order of
/// reads and writes is left that could deadlock.
package protocol PeerLinks: AnyObject {
    /// This worker's place, from 0.
    var workerRank: Int { get }

    /// How many workers there are, this one among them.
    var worldSize: Int { get }

    /// Sends and receives everything, both directions of every link at the same time.
    ///
    /// - Segments to one peer leave in the order of `outgoing`, segments from one peer arrive in the order of `incoming`;
    ///   nothing is promised between peers. A segment that must wait (`after`) holds up those behind it on its own link
    ///   only.
    /// - What comes in is put where its destination says, from the segment's first element on; pieces of all peers' segments
    ///   that go into one sum are cut at the same places.
    /// - An outgoing segment that waits for incoming ones is read when all their elements are in place.
    /// - All links are watched, also those without a segment: a peer that is gone ends the exchange for everybody, with
    ///   its own name. A worker whose exchange failed leaves its other links open until it is told to close them, so
    ///   that nobody takes it for the culprit.
    /// - Returns when every segment has gone out and come in.
    /// - Throws: `CollectiveError`: `peerLost`, `deadlinePassed` with everybody who was awaited, `unexpectedData` for a
    ///   segment of another exchange or another range.
    func exchange(
        outgoing: [OutgoingSegment], incoming: [IncomingSegment], deadline: ContinuousClock.Instant
    ) throws
}
