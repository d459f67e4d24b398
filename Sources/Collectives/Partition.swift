//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How a vector is cut: one chunk a worker, many segments a chunk.
///
/// Both ends of a link compute the same cut from the same numbers; nothing about it travels.
package struct Partition: Hashable, Sendable {
    /// The vector's length, in elements.
    package let elementCount: Int
    /// One chunk a worker.
    package let chunkCount: Int
    /// The longest segment, in elements.
    package let segmentElementCount: Int

    /// - Precondition: No negative length, at least one chunk, segments of at least one element.
    package init(elementCount: Int, chunkCount: Int, segmentElementCount: Int) {
        precondition(
            elementCount >= 0 && chunkCount >= 1 && segmentElementCount >= 1,
            "\(elementCount) elements in \(chunkCount) chunks of segments of \(segmentElementCount)")
        self.elementCount = elementCount
        self.chunkCount = chunkCount
        self.segmentElementCount = segmentElementCount
    }

    /// A chunk's elements.
    ///
    /// The first chunks are longer by one where the length does not divide; chunks may be empty.
    /// - Parameter index: Any integer; it is taken modulo the number of chunks, as ring schedules count.
    package func chunk(_ index: Int) -> Range<Int> {
        let place = ((index % chunkCount) + chunkCount) % chunkCount
        let (length, longer) = elementCount.quotientAndRemainder(dividingBy: chunkCount)
        let start = place * length + min(place, longer)
        return start..<(start + length + (place < longer ? 1 : 0))
    }

    /// A stretch cut into segments, none of them empty.
    package func segments(of range: Range<Int>) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: segmentElementCount).map { start in
            start..<min(start + segmentElementCount, range.upperBound)
        }
    }
}
