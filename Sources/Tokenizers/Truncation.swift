//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Cuts a text or a pair to a length, the longer text first.
///
/// As `truncate_encodings` with `LongestFirst` of Hugging Face's `tokenizers`.
struct Truncation: Sendable {
    /// The side that loses tokens.
    enum Side: String, Sendable {
        case left
        case right
    }

    var side = Side.right

    /// Cuts both texts so that they have at most `length` tokens together.
    ///
    /// The longer text is cut until both are equally long; then both are, and of an odd length the text that was the
    /// longer one gets the odd token, at a tie the second.
    ///
    /// - Returns: whether anything was cut.
    func cut(_ first: inout [Int32], _ second: inout [Int32], to length: Int) -> Bool {
        guard first.count + second.count > length else { return false }
        let isFirstLonger = first.count > second.count
        var shorter = min(first.count, second.count)
        var longer = max(shorter, length - shorter)
        if shorter + longer > length {
            shorter = length / 2
            longer = length - shorter
        }
        cut(&first, to: isFirstLonger ? longer : shorter)
        cut(&second, to: isFirstLonger ? shorter : longer)
        return true
    }

    private func cut(_ ids: inout [Int32], to count: Int) {
        let surplus = ids.count - count
        guard surplus > 0 else { return }
        switch side {
        case .left: ids.removeFirst(surplus)
        case .right: ids.removeLast(surplus)
        }
    }
}
