//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The regular expressions that byte-level tokenizers cut words with, each a scanner written by hand.
///
/// Every scalar of a text is part of a match, so a text is its matches one after the other.
enum WordPattern: String, Sendable, CaseIterable {
    case gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    case llama3 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    case qwen2 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// What the text is called that has the pattern.
    var name: String {
        switch self {
        case .gpt2: "GPT-2's and RoBERTa's"
        case .llama3: "Llama 3's"
        case .qwen2: "Qwen 2's and 3's"
        }
    }

    /// Appends the matches within `range` of `text`.
    func appendWords(of text: [UInt8], in range: Range<Int>, to words: inout [Range<Int>]) {
        let scanner = WordScanner(text: text, end: range.upperBound)
        var position = range.lowerBound
        while position < range.upperBound {
            let end =
                switch self {
                case .gpt2: scanner.gpt2Match(at: position)
                case .llama3: scanner.llamaMatch(at: position, digits: 3)
                case .qwen2: scanner.llamaMatch(at: position, digits: 1)
                }
            words.append(position..<end)
            position = end
        }
    }
}

/// Finds where the match that starts at a position ends.
private struct WordScanner {
    let text: [UInt8]
    /// Where the text ends for the pattern.
    let end: Int
    let classes = ScalarClasses.shared

    /// What the patterns tell apart.
    private enum Kind {
        case letter
        case number
        case space
        case other
    }

    private func kind(at position: Int) -> (kind: Kind, length: Int) {
        let (scalar, length) = UTF8Coding.scalar(in: text, at: position)
        let flags = classes[scalar]
        if flags.contains(.letter) { return (.letter, length) }
        if flags.contains(.number) { return (.number, length) }
        return (flags.contains(.whitespace) ? .space : .other, length)
    }

    /// The end of the run of one kind, of at most so many scalars.
    private func run(of kind: Kind, from start: Int, atMost count: Int = .max) -> Int {
        var position = start
        var left = count
        while position < end, left > 0 {
            let next = self.kind(at: position)
            guard next.kind == kind else { break }
            position += next.length
            left -= 1
        }
        return position
    }

    func gpt2Match(at start: Int) -> Int {
        if let contraction = contraction(at: start, ignoringCase: false) { return contraction }
        var first = start
        if text[start] == UInt8(ascii: " "), start + 1 < end, kind(at: start + 1).kind != .space { first = start + 1 }
        let kind = kind(at: first).kind
        return kind == .space ? spaceMatch(at: start) : run(of: kind, from: first)
    }

    func llamaMatch(at start: Int, digits: Int) -> Int {
        if let contraction = contraction(at: start, ignoringCase: true) { return contraction }
        let (kind, length) = kind(at: start)
        if kind == .letter { return run(of: .letter, from: start) }
        if kind == .number { return run(of: .number, from: start, atMost: digits) }
        let next = start + length
        let nextKind = next < end ? self.kind(at: next).kind : nil
        if nextKind == .letter, !isLineBreak(at: start) { return run(of: .letter, from: next) }
        if kind == .other { return lineBreaks(from: run(of: .other, from: start)) }
        if text[start] == UInt8(ascii: " "), nextKind == .other { return lineBreaks(from: run(of: .other, from: next)) }
        // Up to the last line break of the white space, if there is one.
        let spaceEnd = run(of: .space, from: start)
        if let lineBreak = (start..<spaceEnd).last(where: isLineBreak(at:)) { return lineBreak + 1 }
        return spaceMatch(at: start)
    }

    private func isLineBreak(at position: Int) -> Bool {
        text[position] == UInt8(ascii: "\n") || text[position] == UInt8(ascii: "\r")
    }

    private func lineBreaks(from start: Int) -> Int {
        var position = start
        while position < end, isLineBreak(at: position) { position += 1 }
        return position
    }

    /// All white space at the text's end; elsewhere all but the last scalar, which belongs to what follows, if any is left.
    private func spaceMatch(at start: Int) -> Int {
        let spaceEnd = run(of: .space, from: start)
        guard spaceEnd < end else { return spaceEnd }
        let last = UTF8Coding.start(ofScalarBefore: spaceEnd, in: text)
        return last > start ? last : spaceEnd
    }

    /// The end of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`.
    private func contraction(at start: Int, ignoringCase: Bool) -> Int? {
        guard text[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
        func letter(_ position: Int) -> UInt8 {
            guard position < end else { return 0 }
            let byte = text[position]
            return ignoringCase && (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
        }
        switch letter(start + 1) {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"): return letter(start + 2) == UInt8(ascii: "e") ? start + 3 : nil
        case UInt8(ascii: "l"): return letter(start + 2) == UInt8(ascii: "l") ? start + 3 : nil
        // The long s, U+017F, is an s to whoever ignores case.
        case 0xC5 where ignoringCase && letter(start + 2) == 0xBF: return start + 3
        default: return nil
        }
    }
}
