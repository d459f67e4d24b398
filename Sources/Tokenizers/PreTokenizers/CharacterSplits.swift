//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Numbers as words of their own, digit by digit or as a whole.
struct DigitsPreTokenizer: WordSplitter {
    let isolatesDigits: Bool

    func appendWords(of text: [UInt8], in range: Range<Int>, to words: inout [Range<Int>]) {
        let stretches = ScalarClasses.stretches(of: text, in: range, matching: .numeric)
        (isolatesDigits ? SplitBehavior.isolated : .contiguous).append(stretches, to: &words)
    }
}

/// Words between white space, word characters and others apart (`\w+|[^\w\s]+`).
struct WhitespacePreTokenizer: WordSplitter {
    func appendWords(of text: [UInt8], in range: Range<Int>, to words: inout [Range<Int>]) {
        let classes = ScalarClasses.shared
        var start = range.lowerBound
        var kind: ScalarClass = .whitespace
        var position = range.lowerBound
        while position < range.upperBound {
            let (scalar, length) = UTF8Coding.scalar(in: text, at: position)
            let next = classes[scalar].intersection([.whitespace, .wordCharacter])
            if next != kind {
                if kind != .whitespace, start < position { words.append(start..<position) }
                start = position
                kind = next
            }
            position += length
        }
        if kind != .whitespace, start < range.upperBound { words.append(start..<range.upperBound) }
    }
}

/// Words between white space.
struct WhitespaceSplitPreTokenizer: WordSplitter {
    func appendWords(of text: [UInt8], in range: Range<Int>, to words: inout [Range<Int>]) {
        let stretches = ScalarClasses.stretches(of: text, in: range, matching: .whitespace)
        SplitBehavior.removed.append(stretches, to: &words)
    }
}

extension ScalarClasses {
    /// The single scalars of a class and the stretches between them.
    static func stretches(
        of text: [UInt8], in range: Range<Int>, matching flag: ScalarClass
    ) -> [(range: Range<Int>, isMatch: Bool)] {
        let classes = ScalarClasses.shared
        var stretches: [(range: Range<Int>, isMatch: Bool)] = []
        var start = range.lowerBound
        var position = range.lowerBound
        while position < range.upperBound {
            let (scalar, length) = UTF8Coding.scalar(in: text, at: position)
            if classes[scalar].contains(flag) {
                if start < position { stretches.append((start..<position, false)) }
                start = position + length
                stretches.append((position..<start, true))
            }
            position += length
        }
        if start < range.upperBound { stretches.append((start..<range.upperBound, false)) }
        return stretches
    }
}
