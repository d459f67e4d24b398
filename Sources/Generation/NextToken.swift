//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// What is read off one row of logits.
package enum NextToken {
    /// The place of the largest logit; of equal ones the first.
    static func likeliest(_ logits: [Float]) -> Int32 {
        var best = 0
        for place in logits.indices where logits[place] > logits[best] {
            best = place
        }
        return Int32(best)
    }

    /// log(softmax(logits)).
    package static func logProbabilities(_ logits: [Float]) -> [Double] {
        let largest = Double(logits.max() ?? 0)
        let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
        let shift = largest + log(sum)
        return logits.map { Double($0) - shift }
    }

    /// A token of softmax(logits / temperature), of the likeliest ones that together reach `topP`.
    /// - Parameter draw: In [0, 1).
    static func drawn(_ logits: [Float], temperature: Double, topP: Double, draw: Double) -> Int32 {
        let scaled = logits.map { Double($0) / temperature }
        let largest = scaled.max() ?? 0
        let weights = scaled.map { exp($0 - largest) }
        let total = weights.reduce(0, +)
        // By descending weight, of equal ones the lowest token first: an order that no sort's whim decides.
        let order = weights.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }
        var reached = 0.0
        var kept = 0
        while kept < order.count, kept == 0 || reached < topP * total {
            reached += weights[order[kept]]
            kept += 1
        }
        var left = draw * reached
        for place in order.prefix(kept) {
            left -= weights[place]
            if left < 0 { return Int32(place) }
        }
        return Int32(order[kept - 1])
    }
}
