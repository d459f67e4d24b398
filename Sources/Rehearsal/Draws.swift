//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Randomness

/// Every choice of one rehearsal, drawn one after the other from its seed.
struct Draws {
    private var words: SequentialDraws

    init(seed: UInt64) {
        words = SequentialDraws(RandomStream(seed: seed, purpose: .rehearsal))
    }

    mutating func below(_ bound: Int) -> Int { words.below(bound) }

    mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + words.below(range.count)
    }

    /// True so many times in a thousand.
    mutating func chance(_ thousandths: Int) -> Bool { words.below(1000) < thousandths }

    /// Nanoseconds, each microsecond of the range equally likely.
    mutating func microseconds(_ range: ClosedRange<Int>) -> UInt64 {
        UInt64(number(range)) * 1000
    }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> UInt64 {
        UInt64(number(range)) * 1_000_000
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[words.below(elements.count)]
    }
}
