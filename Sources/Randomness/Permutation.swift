//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Draws one after the other from one stream, for what has an order of its own: shuffles and samples.
package struct SequentialDraws: Sendable {
    private let stream: RandomStream
    private var place: UInt32 = 0
    private var block = SIMD4<UInt32>()
    private var left = 0

    package init(_ stream: RandomStream) {
        self.stream = stream
    }

    /// 32 random bits.
    package mutating func next() -> UInt32 {
        if left == 0 {
            block = stream.block(SIMD4(place, 0, 0, 0))
            place += 1
            left = 4
        }
        left -= 1
        return block[3 - left]
    }

    /// A whole number in 0..<bound, each equally likely (Lemire's multiplication with rejection, ACM TOMACS 2019).
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0 && bound <= Int(UInt32.max), "a draw below \(bound)")
        let bound = UInt32(bound)
        let threshold = (0 &- bound) % bound
        while true {
            let product = next().multipliedFullWidth(by: bound)
            if product.low >= threshold {
                return Int(product.high)
            }
        }
    }
}

extension RandomStream {
    /// The numbers 0..<count in random order (Fisher and Yates), a function of the stream alone.
    package func permutation(count: Int) -> [Int] {
        var draws = SequentialDraws(self)
        var order = Array(0..<count)
        for place in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(place, draws.below(place + 1))
        }
        return order
    }
}
