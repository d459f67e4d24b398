//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Byte-pair encoding: a word begins as its characters, and pairs merge in the order of a list.
///
/// With `fallsBackToBytes` it is SentencePiece's kind: a character that is no piece becomes its UTF-8 bytes, as
/// `<0xE2>`.
struct BytePairModel: PieceModel {
    /// What a tokenizer.json may say.
    struct Options: Sendable {
        /// For characters that are no piece; where nil they are dropped.
        var unknownID: Int32?
        /// Whether neighbouring unknown characters are one token.
        var fusesUnknown = false
        var fallsBackToBytes = false
        /// Whether a word that is a piece is taken whole, however it would merge.
        var ignoresMerges = false
    }

    let vocabulary: Vocabulary
    private let merges: MergeTable
    private let options: Options
    /// The ids of `<0x00>` to `<0xFF>`; nil where the vocabulary lacks one.
    private let byteIDs: [Int32?]
    private let cache = WordCache()

    init(vocabulary: Vocabulary, merges: MergeTable, options: Options) {
        self.vocabulary = vocabulary
        self.merges = merges
        self.options = options
        let digits = Array("0123456789ABCDEF")
        byteIDs = (0..<256).map { vocabulary.id(of: "<0x\(digits[$0 / 16])\(digits[$0 % 16])>") }
    }

    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int32]) {
        let hash = text[word].reduce(vocabulary.emptyHash) { vocabulary.extend($0, with: $1) }
        if options.ignoresMerges, let whole = vocabulary.id(of: text, in: word, hash: hash) {
            ids.append(whole)
            return
        }
        guard word.count <= WordCache.wordBytes else {
            ids.append(contentsOf: pieces(of: word, of: text))
            return
        }
        if cache.append(word, of: text, hash: hash, to: &ids) { return }
        let start = ids.count
        ids.append(contentsOf: pieces(of: word, of: text))
        cache.insert(word, of: text, hash: hash, ids: ids[start...])
    }

    private func pieces(of word: Range<Int>, of text: [UInt8]) -> [Int32] {
        var chain = PieceChain()
        // An unknown character waits for the next one, with which it may be one token; one that falls back to bytes
        // goes past it, as in `tokenizers`.
        var waiting: Int32?
        var position = word.lowerBound
        while position < word.upperBound {
            let end = position + UTF8Coding.scalar(in: text, at: position).length
            defer { position = end }
            if let id = vocabulary.id(of: text, in: position..<end) {
                if let unknown = waiting { chain.append(unknown) }
                waiting = nil
                chain.append(id)
                continue
            }
            if options.fallsBackToBytes {
                let bytes = text[position..<end].compactMap { byteIDs[Int($0)] }
                if bytes.count == end - position {
                    for byte in bytes { chain.append(byte) }
                    continue
                }
            }
            guard let unknown = options.unknownID else { continue }
            if let waiting, !options.fusesUnknown { chain.append(waiting) }
            waiting = unknown
        }
        if let waiting { chain.append(waiting) }
        chain.merge(by: merges)
        return chain.merged
    }
}
