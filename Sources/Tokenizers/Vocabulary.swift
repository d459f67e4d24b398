//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The pieces of a model and their ids: a hash table over UTF-8 bytes.
///
/// Pieces are compared as bytes. Swift's strings would do it by canonical equivalence, which merges pieces that differ
/// only in how an accent is encoded.
struct Vocabulary: Sendable {
    /// The pieces' bytes, one after the other.
    private var bytes: [UInt8] = []
    /// Where each piece ends in `bytes`.
    private var ends: [Int32] = []
    private var ids: [Int32] = []
    /// Numbers of pieces plus one, by hash; 0 is free.
    ///
    /// A power of two of them, at least a half free.
    private var slots: [Int32]
    /// The numbers of the pieces in the order of their ids; nil where number and id are the same.
    private var order: [Int32]?
    /// The hash of no bytes.
    ///
    /// Drawn at random so that no file can be made to collide; results do not depend on it.
    private let basis = UInt64.random(in: .min ... .max)

    /// The highest id, or 0 without pieces.
    private(set) var highestID: Int32 = 0
    /// The bytes of the longest piece.
    private(set) var longestPiece = 0
    /// How many different pieces there are.
    var count: Int { ids.count }

    /// The pieces; where a `vocab.txt` has one twice the later id counts, as for Hugging Face's readers.
    init(_ pieces: [(piece: [UInt8], id: Int32)]) {
        var size = 16
        while size < pieces.count * 2 { size *= 2 }
        slots = [Int32](repeating: 0, count: size)
        for (piece, id) in pieces { insert(piece, id) }
        if ids.indices.contains(where: { ids[$0] != Int32($0) }) {
            let ids = ids
            order = ids.indices.map { Int32($0) }.sorted { (ids[Int($0)], $0) < (ids[Int($1)], $1) }
        }
    }

    /// The piece with an id.
    func piece(of id: Int32) -> ArraySlice<UInt8>? {
        guard let number = number(of: id) else { return nil }
        return bytes[(number == 0 ? 0 : Int(ends[number - 1]))..<Int(ends[number])]
    }

    private func number(of id: Int32) -> Int? {
        guard let order else { return ids.indices.contains(Int(id)) ? Int(id) : nil }
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if ids[Int(order[middle])] < id { low = middle + 1 } else { high = middle }
        }
        guard low < order.count, ids[Int(order[low])] == id else { return nil }
        return Int(order[low])
    }

    private mutating func insert(_ piece: [UInt8], _ id: Int32) {
        highestID = max(highestID, id)
        let slot = self.slot(of: piece, 0..<piece.count, hash: hash(piece, 0..<piece.count))
        if slots[slot] != 0 {
            ids[Int(slots[slot]) - 1] = id
            return
        }
        longestPiece = max(longestPiece, piece.count)
        bytes.append(contentsOf: piece)
        ends.append(Int32(bytes.count))
        ids.append(id)
        slots[slot] = Int32(ids.count)
    }

    /// The hash of no bytes, to be extended byte by byte.
    var emptyHash: UInt64 { basis }

    /// The hash of a text that is one byte longer (FNV-1a).
    @inline(__always)
    func extend(_ hash: UInt64, with byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }

    private func hash(_ text: [UInt8], _ range: Range<Int>) -> UInt64 {
        text[range].reduce(basis) { extend($0, with: $1) }
    }

    /// The id of the piece at `range` of `text`.
    func id(of text: [UInt8], in range: Range<Int>) -> Int32? {
        id(of: text, in: range, hash: hash(text, range))
    }

    /// The id of a piece.
    func id(of piece: String) -> Int32? {
        let text = Array(piece.utf8)
        return id(of: text, in: 0..<text.count)
    }

    /// The id of the piece at `range` of `text`, whose hash is known.
    @inline(__always)
    func id(of text: [UInt8], in range: Range<Int>, hash: UInt64) -> Int32? {
        let number = Int(slots[slot(of: text, range, hash: hash)])
        return number == 0 ? nil : ids[number - 1]
    }

    /// The slot that holds the text, or the free one where it would go.
    private func slot(of text: [UInt8], _ range: Range<Int>, hash: UInt64) -> Int {
        let mask = slots.count - 1
        // The low bits of an FNV hash depend on little; the multiplication brings the high ones down.
        var slot = Int(truncatingIfNeeded: ((hash ^ (hash >> 32)) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
        while slots[slot] != 0, !isEqual(Int(slots[slot]) - 1, text, range) { slot = (slot + 1) & mask }
        return slot
    }

    private func isEqual(_ number: Int, _ text: [UInt8], _ range: Range<Int>) -> Bool {
        let start = number == 0 ? 0 : Int(ends[number - 1])
        guard Int(ends[number]) - start == range.count else { return false }
        for offset in 0..<range.count where bytes[start + offset] != text[range.lowerBound + offset] { return false }
        return true
    }
}
