//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Words as BERT has them: split at white space, and every punctuation character is a word of its own.
struct BertPreTokenizer: WordSplitter {
    func appendWords(of text: [UInt8], in range: Range<Int>, to words: inout [Range<Int>]) {
        let classes = ScalarClasses.shared
        var start = range.lowerBound
        var position = range.lowerBound
        while position < range.upperBound {
            let (scalar, length) = UTF8Coding.scalar(in: text, at: position)
            let flags = classes[scalar]
            let end = position + length
            if flags.contains(.whitespace) || flags.contains(.punctuation) {
                if start < position { words.append(start..<position) }
                if flags.contains(.punctuation) { words.append(position..<end) }
                start = end
            }
            position = end
        }
        if start < range.upperBound { words.append(start..<range.upperBound) }
    }
}
