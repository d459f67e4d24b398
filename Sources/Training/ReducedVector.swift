//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import ExactSums

/// How the vector that is summed over all shards is laid out.
///
///     [ values … | loss | a lane for every shard ]
///
/// `values` are the gradient in parameter order, or one sum a projection for the importance. Each shard adds the
/// integer 1 to its own lane, so a shard that was left out or counted twice is seen before anything is updated.
package struct ReducedVector: Sendable {
    package let valueCount: Int
    package let header: StepHeader

    package init(valueCount: Int, header: StepHeader) {
        self.valueCount = valueCount
        self.header = header
    }

    /// Elements in all.
    package var count: Int { valueCount + 1 + header.shardCount }

    package var values: Range<Int> { 0..<valueCount }
    package var lossIndex: Int { valueCount }

    /// Where shard `index` says that it was counted.
    package func laneIndex(ofShard index: Int) -> Int {
        precondition(index >= 0 && index < header.shardCount, "shard \(index) of \(header.shardCount)")
        return valueCount + 1 + index
    }

    /// N: examples, or tokens of completions, for gradients and losses; tokens for the importance.
    package var scale: FixedPointScale {
        FixedPointScale(
            count: header.kind == .importance ? header.tokenCount : header.lossCount, addends: header.shardCount)
    }

    /// Checks that every shard was counted exactly once.
    /// - Throws: `TrainingError` that names the shards and their counts.
    package func checkLanes(_ sums: ExactAccumulator) throws(TrainingError) {
        precondition(sums.sums.count == count, "\(sums.sums.count) sums for a vector of \(count)")
        var wrong: [String] = []
        var first: Int?
        for shard in 0..<header.shardCount {
            let counted = sums.sums[laneIndex(ofShard: shard)]
            if counted != 1 {
                first = first ?? shard
                wrong.append("shard \(shard) was counted \(counted) times")
            }
        }
        guard wrong.isEmpty else {
            throw TrainingError(
                code: .shardsMiscounted,
                message: "step \(header.step): " + wrong.prefix(8).joined(separator: ", ")
                    + (wrong.count > 8 ? ", and \(wrong.count - 8) more" : "")
                    + "; each must be counted once. The step was not applied",
                shard: first)
        }
    }
}
