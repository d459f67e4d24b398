//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The WordPiece model: a word is cut greedily, the longest piece first.
///
/// Devlin et al., BERT, section 3; as `models::WordPiece` of Hugging Face's `tokenizers`.
struct WordPiece: PieceModel {
    let vocabulary: Vocabulary
    /// The pieces that continue a word, without their prefix.
    private let continuations: Vocabulary
    private let unknownID: Int32
    /// Longer words, counted in Unicode scalars, are unknown.
    private let maximumWordLength: Int

    /// - Parameters:
    ///   - pieces: every piece with its id.
    ///   - prefix: what marks a piece that continues a word: `##`.
    ///   - unknownID: the id for a word that cannot be cut into pieces.
    init(pieces: [(piece: [UInt8], id: Int32)], prefix: String, unknownID: Int32, maximumWordLength: Int) {
        vocabulary = Vocabulary(pieces)
        let prefix = Array(prefix.utf8)
        continuations = Vocabulary(
            pieces.filter { $0.piece.starts(with: prefix) }.map { (Array($0.piece[prefix.count...]), $0.id) })
        self.unknownID = unknownID
        self.maximumWordLength = maximumWordLength
    }

    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int32]) {
        if let whole = vocabulary.id(of: text, in: word), isShort(word, text) {
            ids.append(whole)
            return
        }
        let countBefore = ids.count
        guard isShort(word, text), appendPieces(word, of: text, to: &ids) else {
            ids.removeSubrange(countBefore...)
            ids.append(unknownID)
            return
        }
    }

    private func isShort(_ word: Range<Int>, _ text: [UInt8]) -> Bool {
        guard word.count > maximumWordLength else { return true }
        var length = 0
        for position in word where text[position] & 0xC0 != 0x80 { length += 1 }
        return length <= maximumWordLength
    }

    /// False where some part of the word starts no piece.
    private func appendPieces(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int32]) -> Bool {
        var start = word.lowerBound
        var ends: [(end: Int, hash: UInt64)] = []
        while start < word.upperBound {
            let pieces = start == word.lowerBound ? vocabulary : continuations
            // The hash of every beginning of the rest, up to the longest piece, in one pass.
            ends.removeAll(keepingCapacity: true)
            var hash = pieces.emptyHash
            for position in start..<min(word.upperBound, start + pieces.longestPiece) {
                hash = pieces.extend(hash, with: text[position])
                if position + 1 == word.upperBound || text[position + 1] & 0xC0 != 0x80 {
                    ends.append((position + 1, hash))
                }
            }
            var found: (end: Int, id: Int32)?
            for (end, hash) in ends.reversed() {
                if let id = pieces.id(of: text, in: start..<end, hash: hash) {
                    found = (end, id)
                    break
                }
            }
            guard let found else { return false }
            ids.append(found.id)
            start = found.end
        }
        return true
    }
}
