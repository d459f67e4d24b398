//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A stretch of normalized text and the words it is cut into so far.
struct WordStretch: Sendable {
    /// UTF-8 bytes; what lies between the words is no longer looked at.
    var text: [UInt8]
    /// The words in order, none of them empty.
    var words: [Range<Int>]
    /// Whether the text's first byte is the first of the whole text that is encoded.
    var startsText: Bool

    /// Whether a word is the beginning of the whole text.
    func isAtStart(_ word: Range<Int>) -> Bool { startsText && word.lowerBound == 0 }

    /// Rewrites every word; one that becomes empty is dropped.
    mutating func rewrite(_ write: (_ word: Range<Int>, _ text: [UInt8], _ output: inout [UInt8]) -> Void) {
        var output: [UInt8] = []
        output.reserveCapacity(text.count + text.count / 4 + words.count)
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(words.count)
        for word in words {
            let start = output.count
            write(word, text, &output)
            if start < output.count { ranges.append(start..<output.count) }
        }
        startsText = words.first.map(isAtStart) ?? startsText
        text = output
        words = ranges
    }
}

/// Cuts normalized text into words; may also rewrite them.
protocol PreTokenizer: Sendable {
    /// Cuts the words of a stretch further.
    func cut(_ stretch: inout WordStretch)

    /// Whether it matters where the whole text begins.
    var looksAtStart: Bool { get }
}

extension PreTokenizer {
    var looksAtStart: Bool { false }
}

/// A pre-tokenizer that leaves the text as it is.
protocol WordSplitter: PreTokenizer {
    /// Appends the words within `range` of `text`, in order and none empty.
    func appendWords(of text: [UInt8], in range: Range<Int>, to words: inout [Range<Int>])
}

extension WordSplitter {
    func cut(_ stretch: inout WordStretch) {
        var words: [Range<Int>] = []
        words.reserveCapacity(stretch.text.count / 5 + 1)
        for word in stretch.words { appendWords(of: stretch.text, in: word, to: &words) }
        stretch.words = words
    }
}

/// Several pre-tokenizers, each cutting the words of the one before.
struct PreTokenizerSequence: PreTokenizer {
    let preTokenizers: [any PreTokenizer]

    var looksAtStart: Bool { preTokenizers.contains(where: \.looksAtStart) }

    func cut(_ stretch: inout WordStretch) {
        for preTokenizer in preTokenizers { preTokenizer.cut(&stretch) }
    }
}
