//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Texts as Python's `str` sees them: Unicode scalars, compared one by one.
enum WrittenText {
    /// Whether Python's `str.split` cuts there: Unicode's white space and four control characters.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }

    /// The words between white space.
    static func words(_ scalars: some Sequence<Unicode.Scalar>) -> [[UInt32]] {
        var words: [[UInt32]] = []
        var word: [UInt32] = []
        for scalar in scalars {
            if !isSpace(scalar) {
                word.append(scalar.value)
            } else if !word.isEmpty {
                words.append(word)
                word = []
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// The text without white space at its ends.
    static func trimmed(_ text: String) -> [UInt32] {
        let scalars = Array(text.unicodeScalars)
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return scalars[first...last].map(\.value)
    }

    /// How often every run of `order` elements occurs.
    static func runs<Element: Hashable>(of order: Int, in elements: [Element]) -> [[Element]: Int] {
        guard elements.count >= order else { return [:] }
        var counts: [[Element]: Int] = [:]
        for start in 0...elements.count - order { counts[Array(elements[start..<start + order]), default: 0] += 1 }
        return counts
    }
}

/// The exponential function, for files that need nothing else of Foundation.
enum Exponential {
    static func of(_ value: Double) -> Double { exp(value) }
}
