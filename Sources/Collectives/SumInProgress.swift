//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The sum over one stretch of a vector, to which segments of several peers are added piece by piece, as they come.
package final class SumInProgress {
    /// This worker's own part.
    private let own: UnsafeBufferPointer<Int64>
    /// Where the sum is written.
    private let sums: UnsafeMutableBufferPointer<Int64>
    /// Up to where something was added: so far `sums` holds partial sums.
    private var begunCount = 0

    /// - Precondition: As many elements as sums, in memory that outlives this object.
    package init(own: UnsafeBufferPointer<Int64>, sums: UnsafeMutableBufferPointer<Int64>) {
        precondition(own.count == sums.count, "\(own.count) elements and \(sums.count) sums")
        self.own = own
        self.sums = sums
    }

    package var elementCount: Int { sums.count }

    /// Whose elements made a sum that does not fit 64 bits.
    private(set) var overflowingPeers: Set<Int> = []

    /// Adds a piece of a peer's segment.
    /// - Parameters:
    ///   - places: Where it lies, counted from the segment's beginning.
    ///   - peer: Whose it is.
    ///   - body: Writes the piece's elements plus the first buffer to the second one, which may be the same memory, and
    ///     returns whether every sum fits 64 bits.
    /// - Precondition: Each peer adds its pieces in order, and all peers' end at the same places.
    package func add(
        _ places: Range<Int>, from peer: Int,
        _ body: (_ addends: UnsafeBufferPointer<Int64>, _ sums: UnsafeMutableBufferPointer<Int64>) -> Bool
    ) {
        precondition(
            places.upperBound <= begunCount || places.lowerBound == begunCount,
            "elements \(places) are added, others end at \(begunCount)")
        let before = places.lowerBound < begunCount ? UnsafeBufferPointer(sums) : own
        begunCount = max(begunCount, places.upperBound)
        let addends = UnsafeBufferPointer(rebasing: before[places])
        if !body(addends, UnsafeMutableBufferPointer(rebasing: sums[places])) {
            overflowingPeers.insert(peer)
        }
    }
}
