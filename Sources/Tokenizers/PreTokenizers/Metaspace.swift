//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// SentencePiece's pre-tokenizer: spaces become a visible character, which also goes in front.
struct MetaspacePreTokenizer: PreTokenizer {
    /// Where the visible character goes in front of a word that does not begin with it.
    enum PrependScheme: String, Sendable, CaseIterable {
        case always
        case never
        /// Only at the beginning of the whole text.
        case first
    }

    /// The visible character, usually U+2581.
    let replacement: [UInt8]
    let prependScheme: PrependScheme
    /// Whether every visible character begins a word.
    let splits: Bool

    var looksAtStart: Bool { prependScheme == .first }

    func cut(_ stretch: inout WordStretch) {
        let space = TextReplacement([UInt8(ascii: " ")], by: replacement)
        let stretchBefore = stretch
        stretch.rewrite { word, text, output in
            let replaced = space.apply(to: Array(text[word]))
            let prepends =
                switch prependScheme {
                case .always: true
                case .never: false
                case .first: stretchBefore.isAtStart(word)
                }
            if prepends, !replaced.starts(with: replacement) { output.append(contentsOf: replacement) }
            output.append(contentsOf: replaced)
        }
        guard splits else { return }
        SplitPreTokenizer(
            pattern: .text(TextReplacement(replacement, by: [])), behavior: .mergedWithNext, isInverted: false
        ).cut(&stretch)
    }
}
