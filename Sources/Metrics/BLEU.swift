//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// Corpus BLEU as sacrebleu 2 computes it by default (Post, "A Call for Clarity in Reporting BLEU Scores", 2018).
enum BLEU {
    private static let orders = 4

    static func corpusScore(_ predictions: [String], _ references: [[String]]) -> Double {
        var length = 0
        var referenceLength = 0
        var right = [Int](repeating: 0, count: orders)
        var total = right
        for (prediction, references) in zip(predictions, references) {
            let words = MTEvalTokens.of(prediction)
            let others = references.map(MTEvalTokens.of)
            length += words.count
            // The reference nearest in length, of two the shorter one.
            referenceLength +=
                others.map(\.count).min {
                    (abs($0 - words.count), $0) < (abs($1 - words.count), $1)
                } ?? 0
            for order in 0..<orders {
                var allowed: [[[UInt32]]: Int] = [:]
                for other in others {
                    allowed.merge(WrittenText.runs(of: order + 1, in: other)) { max($0, $1) }
                }
                for (run, count) in WrittenText.runs(of: order + 1, in: words) {
                    total[order] += count
                    right[order] += min(count, allowed[run] ?? 0)
                }
            }
        }
        return score(right: right, total: total, length: length, referenceLength: referenceLength)
    }

    private static func score(right: [Int], total: [Int], length: Int, referenceLength: Int) -> Double {
        // An order without any run in the texts has a precision of 0, and so has the whole.
        guard right.contains(where: { $0 > 0 }), !total.contains(0) else { return 0 }
        var smoothing = 1.0
        var logarithms = 0.0
        for (right, total) in zip(right, total) {
            if right == 0 {
                smoothing *= 2
                logarithms += log(100 / (smoothing * Double(total)))
            } else {
                logarithms += log(100 * Double(right) / Double(total))
            }
        }
        let brevity = length < referenceLength ? exp(1 - Double(referenceLength) / Double(length)) : 1
        return brevity * exp(logarithms / Double(orders))
    }
}

/// The tokens of NIST's mteval-v13a, as sacrebleu makes them.
enum MTEvalTokens {
    static func of(_ text: String) -> [[UInt32]] {
        var line = text
        while let last = line.unicodeScalars.last, WrittenText.isSpace(last) { line.unicodeScalars.removeLast() }
        for (old, new) in [("<skipped>", ""), ("-\n", ""), ("\n", " ")] {
            line = replaced(line, old, new)
        }
        for (old, new) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
            line = replaced(line, old, new)
        }
        var scalars = Array((" " + line + " ").unicodeScalars)
        scalars = scalars.flatMap { isPunctuation($0) ? [" ", $0, " "] : [$0] }
        scalars = pairs(scalars) { !isDigit($0) && isPoint($1) ? [$0, " ", $1, " "] : nil }
        scalars = pairs(scalars) { isPoint($0) && !isDigit($1) ? [" ", $0, " ", $1] : nil }
        scalars = pairs(scalars) { isDigit($0) && $1 == "-" ? [$0, " ", $1, " "] : nil }
        return WrittenText.words(scalars)
    }

    /// Replaces scalar by scalar: Swift's strings would not find a line feed behind a carriage return.
    private static func replaced(_ text: String, _ old: String, _ new: String) -> String {
        let (scalars, old) = (Array(text.unicodeScalars), Array(old.unicodeScalars))
        var result = String.UnicodeScalarView()
        var position = 0
        while position < scalars.count {
            if scalars[position] == old[0], scalars[position...].starts(with: old) {
                result.append(contentsOf: new.unicodeScalars)
                position += old.count
            } else {
                result.append(scalars[position])
                position += 1
            }
        }
        return String(result)
    }

    /// Replaces neighbours from the left, none of them twice.
    private static func pairs(
        _ scalars: [Unicode.Scalar], _ replace: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]?
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(scalars.count + scalars.count / 4)
        var position = 0
        while position < scalars.count {
            if position + 1 < scalars.count, let parts = replace(scalars[position], scalars[position + 1]) {
                result.append(contentsOf: parts)
                position += 2
            } else {
                result.append(scalars[position])
                position += 1
            }
        }
        return result
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
    private static func isPoint(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "{"..."~", "["..."`", " "..."&", "("..."+", ":"..."@", "/": true
        default: false
        }
    }
}
