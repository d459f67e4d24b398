//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Synchronization

/// The ids of words met before: as many as there are slots, the latest of each slot.
final class WordCache: Sendable {
    private struct Entry {
        var hash: UInt64
        var word: [UInt8]
        var ids: [Int32]
    }

    /// Longer words are not kept.
    static let wordBytes = 256
    private static let slots = 1 << 14

    private let entries = Mutex<[Entry?]>([Entry?](repeating: nil, count: slots))

    /// Appends the ids of a word; false where it is not kept.
    func append(_ word: Range<Int>, of text: [UInt8], hash: UInt64, to ids: inout [Int32]) -> Bool {
        let kept: [Int32]? = entries.withLock { entries in
            guard let entry = entries[Self.slot(hash)], entry.hash == hash,
                entry.word.elementsEqual(text[word])
            else { return nil }
            return entry.ids
        }
        guard let kept else { return false }
        ids.append(contentsOf: kept)
        return true
    }

    /// Keeps the ids of a word in place of another's.
    func insert(_ word: Range<Int>, of text: [UInt8], hash: UInt64, ids: ArraySlice<Int32>) {
        let entry = Entry(hash: hash, word: Array(text[word]), ids: Array(ids))
        entries.withLock { $0[Self.slot(hash)] = entry }
    }

    private static func slot(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: ((hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15) >> 40) & (slots - 1)
    }
}
