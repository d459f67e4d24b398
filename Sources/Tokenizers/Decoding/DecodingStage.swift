//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A step from pieces to text, fed piece by piece.
///
/// What it has put out is never taken back: a stage holds back what may still change.
protocol DecodingStage: Sendable {
    /// Takes one piece and appends what follows from it for sure.
    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]])
    /// Appends what was held back, at the end of the text.
    mutating func finish(to output: inout [[UInt8]])
}

extension DecodingStage {
    mutating func finish(to output: inout [[UInt8]]) {}
}

/// Byte-level pieces as the text that their bytes are: what is no UTF-8 becomes U+FFFD.
struct ByteLevelDecoding: DecodingStage {
    /// The beginning of a character.
    private var tail: [UInt8] = []

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        tail.append(contentsOf: ByteAlphabet.bytes(of: piece) ?? piece)
        let count = tail.count - UTF8Coding.incompleteTail(of: tail)
        guard count > 0 else { return }
        output.append(Array(String(decoding: tail[..<count], as: UTF8.self).utf8))
        tail.removeFirst(count)
    }

    mutating func finish(to output: inout [[UInt8]]) {
        if !tail.isEmpty { output.append(Array(String(decoding: tail, as: UTF8.self).utf8)) }
        tail = []
    }
}

/// Pieces as `<0xE2>` become the text of a run's bytes: U+FFFD for each of them where the run is no UTF-8.
struct ByteFallbackDecoding: DecodingStage {
    private var run: [UInt8] = []

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        if let byte = Self.byte(of: piece) {
            run.append(byte)
            return
        }
        finish(to: &output)
        output.append(piece)
    }

    mutating func finish(to output: inout [[UInt8]]) {
        guard !run.isEmpty else { return }
        if String(validating: run, as: UTF8.self) != nil {
            output.append(run)
        } else {
            for _ in run { output.append(UTF8Coding.bytes(of: 0xFFFD)) }
        }
        run = []
    }

    private static func byte(of piece: [UInt8]) -> UInt8? {
        guard piece.count == 6, piece.starts(with: "<0x".utf8), piece[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: piece[3...4], as: UTF8.self), radix: 16)
    }
}

/// WordPiece's pieces: those without prefix begin a word.
struct WordPieceDecoding: DecodingStage {
    let prefix: [UInt8]
    /// Whether the spaces that tokenising English puts before punctuation are taken out.
    let cleansUp: Bool
    private var isFirst = true

    private static let cleanups = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ].map { TextReplacement($0.0.utf8, by: $0.1.utf8) }

    init(prefix: [UInt8], cleansUp: Bool) {
        self.prefix = prefix
        self.cleansUp = cleansUp
    }

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        var text = piece
        if !isFirst {
            text = piece.starts(with: prefix) ? Array(piece.dropFirst(prefix.count)) : [UInt8(ascii: " ")] + piece
        }
        isFirst = false
        if cleansUp { text = Self.cleanups.reduce(text) { $1.apply(to: $0) } }
        output.append(text)
    }
}

/// The visible character for a space becomes one; those of the first piece are dropped where encoding put one there.
struct MetaspaceDecoding: DecodingStage {
    let replacement: [UInt8]
    let dropsFirst: Bool
    private var isFirst = true

    init(replacement: [UInt8], dropsFirst: Bool) {
        self.replacement = replacement
        self.dropsFirst = dropsFirst
    }

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        output.append(
            TextReplacement(replacement, by: isFirst && dropsFirst ? [] : [UInt8(ascii: " ")]).apply(to: piece))
        isFirst = false
    }
}

/// A text becomes another in every piece.
struct ReplaceDecoding: DecodingStage {
    let replacement: TextReplacement

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        output.append(replacement.apply(to: piece))
    }
}

/// At most so many of a character go at each piece's start and at its end.
struct StripDecoding: DecodingStage {
    let content: [UInt8]
    let start: Int
    let stop: Int

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        var text = piece[...]
        for _ in 0..<start {
            guard text.starts(with: content) else { break }
            text.removeFirst(content.count)
        }
        for _ in 0..<stop {
            guard text.count >= content.count, text.suffix(content.count).elementsEqual(content) else { break }
            text.removeLast(content.count)
        }
        output.append(Array(text))
    }
}

/// Pieces with a space between them: what decoding without a decoder gives.
struct SpacedDecoding: DecodingStage {
    private var isFirst = true

    mutating func feed(_ piece: [UInt8], to output: inout [[UInt8]]) {
        output.append(isFirst ? piece : [UInt8(ascii: " ")] + piece)
        isFirst = false
    }
}
