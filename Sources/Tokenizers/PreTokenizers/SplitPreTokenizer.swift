//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Cuts words where a pattern matches.
struct SplitPreTokenizer: WordSplitter {
    enum Pattern: Sendable {
        /// A text.
        case text(TextReplacement)
        /// One of the known regular expressions.
        case words(WordPattern)
    }

    let pattern: Pattern
    let behavior: SplitBehavior
    /// Whether what lies between the matches counts as the matches.
    let isInverted: Bool

    func appendWords(of text: [UInt8], in range: Range<Int>, to words: inout [Range<Int>]) {
        switch pattern {
        case .words(let pattern) where behavior == .isolated || behavior == .removed && isInverted:
            // The known patterns leave nothing between their matches.
            pattern.appendWords(of: text, in: range, to: &words)
        case .words(let pattern):
            var matches: [Range<Int>] = []
            pattern.appendWords(of: text, in: range, to: &matches)
            behavior.append(matches.map { ($0, !isInverted) }, to: &words)
        case .text(let search):
            var stretches: [(range: Range<Int>, isMatch: Bool)] = []
            var start = range.lowerBound
            for match in search.matches(in: text, range: range) {
                if start < match.lowerBound { stretches.append((start..<match.lowerBound, isInverted)) }
                stretches.append((match, !isInverted))
                start = match.upperBound
            }
            if start < range.upperBound { stretches.append((start..<range.upperBound, isInverted)) }
            behavior.append(stretches, to: &words)
        }
    }
}
