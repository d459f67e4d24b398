//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a Unicode scalar is to a tokenizer, as flags.
struct ScalarClass: OptionSet, Sendable {
    let rawValue: UInt16

    /// Dropped by `clean_text`.
    static let removed = ScalarClass(rawValue: 1 << 0)
    /// Separates words.
    static let whitespace = ScalarClass(rawValue: 1 << 1)
    /// A Chinese character, set apart by `handle_chinese_chars`.
    static let ideograph = ScalarClass(rawValue: 1 << 2)
    /// Dropped by `strip_accents` after decomposition.
    static let nonspacingMark = ScalarClass(rawValue: 1 << 3)
    /// A word of its own.
    static let punctuation = ScalarClass(rawValue: 1 << 4)
    /// Part of a word where an added token asks for word boundaries, and to the pre-tokenizer `Whitespace`.
    static let wordCharacter = ScalarClass(rawValue: 1 << 5)
    /// Has a canonical decomposition, or is reordered among its neighbours by one.
    static let decomposes = ScalarClass(rawValue: 1 << 6)
    /// Has a lower case of its own.
    static let hasLowercase = ScalarClass(rawValue: 1 << 7)
    /// A letter to the patterns that cut words (`\p{L}`).
    static let letter = ScalarClass(rawValue: 1 << 8)
    /// A number to the patterns that cut words (`\p{N}`).
    static let number = ScalarClass(rawValue: 1 << 9)
    /// A digit to the pre-tokenizer `Digits`.
    static let numeric = ScalarClass(rawValue: 1 << 10)
    /// Dropped by the normalizer `StripAccents`.
    static let combiningMark = ScalarClass(rawValue: 1 << 11)
    /// Has a compatibility decomposition that is not the canonical one.
    static let decomposesCompatibly = ScalarClass(rawValue: 1 << 12)
    /// May become one with the scalar before it.
    static let composesWithPrevious = ScalarClass(rawValue: 1 << 13)
}

/// The class of every scalar: a table of pages of 256 scalars, equal pages stored once.
struct ScalarClasses: Sendable {
    /// The one table, built from ``UnicodeTables`` on first use.
    static let shared = ScalarClasses()

    private let pages: [UInt16]
    private let classes: [ScalarClass]

    /// The flags of `scalar`.
    @inline(__always)
    subscript(_ scalar: UInt32) -> ScalarClass {
        classes[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
    }

    private init() {
        var flags = [ScalarClass](repeating: [], count: 0x110000)
        func mark(_ table: [UInt32], _ flag: ScalarClass) {
            for index in stride(from: 0, to: table.count, by: 2) {
                for scalar in table[index]...table[index + 1] { flags[Int(scalar)].insert(flag) }
            }
        }
        mark(UnicodeTables.removed, .removed)
        mark(UnicodeTables.whitespace, .whitespace)
        mark(UnicodeTables.ideographs, .ideograph)
        mark(UnicodeTables.nonspacingMarks, .nonspacingMark)
        mark(UnicodeTables.punctuation, .punctuation)
        mark(UnicodeTables.wordCharacters, .wordCharacter)
        mark(UnicodeTables.letters, .letter)
        mark(UnicodeTables.numbers, .number)
        mark(UnicodeTables.numeric, .numeric)
        mark(UnicodeTables.combiningMarks, .combiningMark)
        mark([HangulSyllables.first, HangulSyllables.last], .decomposes)
        mark(HangulSyllables.trailingJamo, .composesWithPrevious)
        for scalar in ScalarMappings.shared.compatible { flags[Int(scalar)].insert(.decomposesCompatibly) }
        for scalar in ScalarMappings.shared.composing { flags[Int(scalar)].insert(.composesWithPrevious) }
        for scalar in ScalarMappings.shared.decomposable { flags[Int(scalar)].insert(.decomposes) }
        for scalar in ScalarMappings.shared.lowercase.keys { flags[Int(scalar)].insert(.hasLowercase) }

        var pages: [UInt16] = []
        var classes: [ScalarClass] = []
        var known: [[UInt16]: UInt16] = [:]
        for first in stride(from: 0, to: flags.count, by: 256) {
            let page = flags[first..<first + 256]
            let key = page.map(\.rawValue)
            if let number = known[key] {
                pages.append(number)
            } else {
                let number = UInt16(classes.count >> 8)
                known[key] = number
                pages.append(number)
                classes.append(contentsOf: page)
            }
        }
        self.pages = pages
        self.classes = classes
    }
}
