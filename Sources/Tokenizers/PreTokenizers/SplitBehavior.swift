//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What becomes of the places where a pattern matches, by the names that `tokenizers` has for it.
enum SplitBehavior: String, Sendable, CaseIterable {
    /// They are dropped.
    case removed = "Removed"
    /// Each is a word.
    case isolated = "Isolated"
    /// Each ends the word before it.
    case mergedWithPrevious = "MergedWithPrevious"
    /// Each begins the word after it.
    case mergedWithNext = "MergedWithNext"
    /// Neighbours are one word.
    case contiguous = "Contiguous"

    /// Appends the words that the stretches of a text make: those where the pattern matches and those between.
    func append(_ stretches: [(range: Range<Int>, isMatch: Bool)], to words: inout [Range<Int>]) {
        switch self {
        case .removed:
            for stretch in stretches where !stretch.isMatch { words.append(stretch.range) }
        case .isolated:
            for stretch in stretches { words.append(stretch.range) }
        case .mergedWithPrevious, .contiguous:
            var wasMatch = false
            var isFirst = true
            for (range, isMatch) in stretches {
                let joins = self == .contiguous ? isMatch == wasMatch : isMatch && !wasMatch
                if joins, !isFirst {
                    words[words.count - 1] = words[words.count - 1].lowerBound..<range.upperBound
                } else {
                    words.append(range)
                }
                wasMatch = isMatch
                isFirst = false
            }
        case .mergedWithNext:
            var pending: Int?
            for (index, (range, isMatch)) in stretches.enumerated() {
                let isBeforeText = index + 1 < stretches.count && !stretches[index + 1].isMatch
                if isMatch, isBeforeText {
                    pending = range.lowerBound
                } else {
                    words.append((pending ?? range.lowerBound)..<range.upperBound)
                    pending = nil
                }
            }
        }
    }
}
