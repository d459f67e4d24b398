//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Replaces every occurrence of a text by another, from the left and never overlapping.
struct TextReplacement: Sendable {
    let pattern: [UInt8]
    let replacement: [UInt8]

    init(_ pattern: some Sequence<UInt8>, by replacement: some Sequence<UInt8>) {
        self.pattern = Array(pattern)
        self.replacement = Array(replacement)
    }

    /// Where the pattern occurs; an empty pattern occurs nowhere.
    func matches(in text: [UInt8], range: Range<Int>) -> [Range<Int>] {
        guard let first = pattern.first else { return [] }
        var matches: [Range<Int>] = []
        var position = range.lowerBound
        while position + pattern.count <= range.upperBound {
            if text[position] == first, text[position..<position + pattern.count].elementsEqual(pattern) {
                matches.append(position..<position + pattern.count)
                position += pattern.count
            } else {
                position += 1
            }
        }
        return matches
    }

    /// The text with every occurrence replaced.
    func apply(to text: [UInt8]) -> [UInt8] {
        let matches = matches(in: text, range: text.indices)
        guard !matches.isEmpty else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + matches.count * max(0, replacement.count - pattern.count))
        var start = 0
        for match in matches {
            result.append(contentsOf: text[start..<match.lowerBound])
            result.append(contentsOf: replacement)
            start = match.upperBound
        }
        result.append(contentsOf: text[start...])
        return result
    }
}
