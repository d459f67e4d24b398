//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Which pairs of pieces become one, and in what order: a hash table over pairs of ids.
struct MergeTable: Sendable {
    /// A pair's left id in the high half and its right one in the low half.
    private var keys: [UInt64]
    /// For every slot the place of its merge plus one; 0 is free.
    private var places: [Int32]
    /// What the pair of every place becomes.
    private(set) var results: [Int32] = []

    /// - Parameter merges: in the order in which they are done; where a pair stands twice, the later place counts.
    init(_ merges: [(left: Int32, right: Int32, result: Int32)]) {
        var size = 16
        while size < merges.count * 2 { size *= 2 }
        keys = [UInt64](repeating: 0, count: size)
        places = [Int32](repeating: 0, count: size)
        results.reserveCapacity(merges.count)
        for (left, right, result) in merges {
            let slot = slot(of: Self.key(left, right))
            keys[slot] = Self.key(left, right)
            results.append(result)
            places[slot] = Int32(results.count)
        }
    }

    /// The place of a pair's merge; nil where the two do not become one.
    @inline(__always)
    func place(of left: Int32, _ right: Int32) -> Int32? {
        let place = places[slot(of: Self.key(left, right))]
        return place == 0 ? nil : place - 1
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The slot that holds the pair, or the free one where it would go.
    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        let mask = keys.count - 1
        // Murmur's finaliser.
        var hash = (key ^ key >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        var slot = Int(truncatingIfNeeded: hash ^ hash >> 33) & mask
        while places[slot] != 0, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }
}
