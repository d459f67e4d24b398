//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A token that is found in the text itself, before the text is cut into words: `[SEP]`, `[MASK]` and those that users add.
struct AddedToken: Sendable {
    /// The token's text.
    var content: String
    var id: Int32
    /// Only where no word character touches it.
    var isSingleWord = false
    /// Takes the white space before it along.
    var stripsLeft = false
    /// Takes the white space after it along.
    var stripsRight = false
    /// Looked for in the normalized text, itself normalized, rather than in the text as given.
    var isNormalized = false
    var isSpecial = true
}

/// The added tokens of a tokenizer: those looked for before and those looked for after normalization.
struct AddedTokens: Sendable {
    let raw: AddedTokenMatcher
    let normalized: AddedTokenMatcher

    init(_ tokens: [AddedToken], normalizer: (any Normalizer)?) {
        // Where two tokens match the same text, special ones go first, then the file's order counts.
        let ordered = tokens.filter(\.isSpecial) + tokens.filter { !$0.isSpecial }
        raw = AddedTokenMatcher(ordered.filter { !$0.isNormalized }.map { (Array($0.content.utf8), $0) })
        normalized = AddedTokenMatcher(
            ordered.filter(\.isNormalized).map { token in
                let content = Array(token.content.utf8)
                return (normalizer?.normalize(content[...]) ?? content, token)
            })
    }
}

/// Finds added tokens in text as `tokenizers` does with Aho-Corasick: leftmost, then longest, never overlapping.
struct AddedTokenMatcher: Sendable {
    /// A stretch of the text.
    enum Segment: Sendable, Hashable {
        /// Ordinary text, never empty.
        case text(Range<Int>)
        case token(Int32)
    }

    private struct Pattern {
        let bytes: [UInt8]
        let token: AddedToken
    }

    /// For every first byte its patterns, longest first.
    private let patterns: [[Pattern]]
    private let isEmpty: Bool

    /// - Precondition: no pattern is empty.
    init(_ tokens: [(pattern: [UInt8], token: AddedToken)]) {
        var patterns = [[Pattern]](repeating: [], count: 256)
        for (pattern, token) in tokens {
            precondition(!pattern.isEmpty, "the added token \(token.id) has an empty pattern")
            patterns[Int(pattern[0])].append(Pattern(bytes: pattern, token: token))
        }
        self.patterns = patterns.map { list in
            list.indices.sorted { (-list[$0].bytes.count, $0) < (-list[$1].bytes.count, $1) }.map { list[$0] }
        }
        isEmpty = tokens.isEmpty
    }

    /// The stretches of `text` in order.
    func segments(of text: [UInt8]) -> [Segment] {
        guard !text.isEmpty else { return [] }
        guard !isEmpty else { return [.text(0..<text.count)] }
        var segments: [Segment] = []
        var textStart = 0
        var position = 0
        while position < text.count {
            guard let pattern = patterns[Int(text[position])].first(where: { matches($0, text, at: position) }) else {
                position += 1
                continue
            }
            var start = position
            var end = position + pattern.bytes.count
            // A match that is then refused is passed over as a whole all the same.
            position = end
            if pattern.token.isSingleWord, isInsideWord(start, end, text) { continue }
            if pattern.token.stripsLeft { start = max(whitespaceStart(before: start, text), textStart) }
            if pattern.token.stripsRight { end = whitespaceEnd(after: end, text) }
            if textStart < start { segments.append(.text(textStart..<start)) }
            segments.append(.token(pattern.token.id))
            textStart = end
        }
        if textStart < text.count { segments.append(.text(textStart..<text.count)) }
        return segments
    }

    private func matches(_ pattern: Pattern, _ text: [UInt8], at position: Int) -> Bool {
        guard text.count - position >= pattern.bytes.count else { return false }
        for offset in 1..<max(pattern.bytes.count, 1) where text[position + offset] != pattern.bytes[offset] {
            return false
        }
        return true
    }

    private func isInsideWord(_ start: Int, _ end: Int, _ text: [UInt8]) -> Bool {
        if start > 0 {
            let before = UTF8Coding.scalar(in: text, at: UTF8Coding.start(ofScalarBefore: start, in: text)).scalar
            if ScalarClasses.shared[before].contains(.wordCharacter) { return true }
        }
        if end < text.count {
            let after = UTF8Coding.scalar(in: text, at: end).scalar
            if ScalarClasses.shared[after].contains(.wordCharacter) { return true }
        }
        return false
    }

    private func whitespaceStart(before end: Int, _ text: [UInt8]) -> Int {
        var start = end
        while start > 0 {
            let previous = UTF8Coding.start(ofScalarBefore: start, in: text)
            let scalar = UTF8Coding.scalar(in: text, at: previous).scalar
            guard ScalarClasses.shared[scalar].contains(.whitespace) else { break }
            start = previous
        }
        return start
    }

    private func whitespaceEnd(after start: Int, _ text: [UInt8]) -> Int {
        var end = start
        while end < text.count {
            let (scalar, length) = UTF8Coding.scalar(in: text, at: end)
            guard ScalarClasses.shared[scalar].contains(.whitespace) else { break }
            end += length
        }
        return end
    }
}
