//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// ROUGE-L of a text as a whole, as rouge-score computes it without stemming (Lin, 2004).
enum RougeL {
    /// The F of the longest common subsequence of words with the best of the references.
    static func fMeasure(_ text: String, _ references: [String]) -> Double {
        let words = self.words(text)
        return references.map { fMeasure(words, self.words($0)) }.max() ?? 0
    }

    private static func fMeasure(_ text: [[UInt8]], _ reference: [[UInt8]]) -> Double {
        let common = Double(longestCommonSubsequence(text, reference))
        guard common > 0 else { return 0 }
        let precision = common / Double(text.count)
        let recall = common / Double(reference.count)
        return 2 * precision * recall / (precision + recall)
    }

    /// Lower-cased runs of ASCII letters and digits.
    private static func words(_ text: String) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        for scalar in text.unicodeScalars {
            // Some other letters have an ASCII one for their lower case, as the Kelvin sign has.
            for byte in scalar.properties.lowercaseMapping.utf8 {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): word.append(byte)
                default:
                    if !word.isEmpty { words.append(word) }
                    word = []
                }
            }
        }
        return word.isEmpty ? words : words + [word]
    }

    private static func longestCommonSubsequence(_ first: [[UInt8]], _ second: [[UInt8]]) -> Int {
        var numbers: [[UInt8]: Int] = [:]
        func number(_ word: [UInt8]) -> Int {
            if let number = numbers[word] { return number }
            numbers[word] = numbers.count
            return numbers.count - 1
        }
        let (first, second) = (first.map(number), second.map(number))
        var row = [Int](repeating: 0, count: second.count + 1)
        for word in first {
            var diagonal = 0
            for (place, other) in second.enumerated() {
                let above = row[place + 1]
                row[place + 1] = word == other ? diagonal + 1 : max(above, row[place])
                diagonal = above
            }
        }
        return row[second.count]
    }
}
