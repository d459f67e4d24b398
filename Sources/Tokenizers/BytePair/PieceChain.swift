//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A word as a chain of pieces that merge.
///
/// A heap holds the pairs that can merge, the first merge and the leftmost pair on top: a word of n characters takes
/// n·log n steps.
struct PieceChain {
    private var ids: [Int32] = []
    /// The chain: which piece follows and which goes before; -1 at its ends.
    ///
    /// A merged piece's right part is out of it.
    private var nexts: [Int32] = []
    private var previous: [Int32] = []
    private var isMerged: [Bool] = []
    /// A binary heap; a pair is its merge's place in the high half and its left piece in the low one.
    private var heap: [UInt64] = []

    /// Adds a piece at the end.
    mutating func append(_ id: Int32) {
        let index = Int32(ids.count)
        if index > 0 { nexts[Int(index) - 1] = index }
        ids.append(id)
        nexts.append(-1)
        previous.append(index - 1)
        isMerged.append(false)
    }

    /// Merges until no pair is left that can.
    mutating func merge(by merges: MergeTable) {
        guard ids.count > 1 else { return }
        for index in 0..<ids.count - 1 { push(Int32(index), by: merges) }
        while let top = pop() {
            let left = Int(truncatingIfNeeded: top & 0xFFFF_FFFF)
            let result = merges.results[Int(top >> 32)]
            guard !isMerged[left], nexts[left] >= 0 else { continue }
            let right = Int(nexts[left])
            // Entries are not taken out when one of their pieces merges with another. As in `tokenizers`, one counts
            // as long as its pair becomes the same piece, whatever the place of the merge.
            guard let place = merges.place(of: ids[left], ids[right]), merges.results[Int(place)] == result else {
                continue
            }
            ids[left] = result
            isMerged[right] = true
            nexts[left] = nexts[right]
            if nexts[right] >= 0 { previous[Int(nexts[right])] = Int32(left) }
            if previous[left] >= 0 { push(previous[left], by: merges) }
            push(Int32(left), by: merges)
        }
    }

    /// The ids of the pieces that are left.
    var merged: [Int32] {
        ids.indices.filter { !isMerged[$0] }.map { ids[$0] }
    }

    /// Puts the pair that starts at a piece onto the heap, if it can merge.
    private mutating func push(_ left: Int32, by merges: MergeTable) {
        let right = nexts[Int(left)]
        guard right >= 0, let place = merges.place(of: ids[Int(left)], ids[Int(right)]) else { return }
        heap.append(UInt64(place) << 32 | UInt64(left))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() -> UInt64? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return top }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            guard least != parent else { return top }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
