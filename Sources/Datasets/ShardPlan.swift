//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The part of a batch that one slot computes at a time.
package struct Shard: Sendable, Hashable {
    /// The shard's place in its batch, from 0.
    package let index: Int
    /// In the order of the batch.
    package let examples: [TokenisedExample]

    package init(index: Int, examples: [TokenisedExample]) {
        self.index = index
        self.examples = examples
    }

    package var tokenCount: Int {
        examples.reduce(0) { $0 + $1.tokenIDs.count }
    }
}

/// Cuts a batch into shards of about equal numbers of tokens: a function of the batch alone, so that the result of a
/// step does not depend on how many workers there are (docs/numerics.md).
package enum ShardPlan {
    /// The shards of a batch of `tokenCount` tokens: one for each `shardTokens`, rounded up, and from two on to an even
    /// number, so that two slots have as much to do; never more than examples.
    package static func shardCount(tokenCount: Int, exampleCount: Int, shardTokens: Int) -> Int {
        precondition(shardTokens > 0, "shards of \(shardTokens) tokens")
        let enough = max(1, (tokenCount + shardTokens - 1) / shardTokens)
        return min(enough > 1 ? enough + enough % 2 : enough, exampleCount)
    }

    /// The shards of a batch, none of them empty; no shard for no example.
    ///
    /// Examples go, the longest first (ties by place), to the shard with the fewest tokens (ties to the one with fewer
    /// examples, then the lower one). Source: Graham, "Bounds on multiprocessing timing anomalies", 1969: the longest
    /// shard is at most 4/3 of the best possible.
    package static func shards(of examples: [TokenisedExample], shardTokens: Int) -> [Shard] {
        let lengths = examples.map(\.tokenIDs.count)
        let count = shardCount(
            tokenCount: lengths.reduce(0, +), exampleCount: examples.count, shardTokens: shardTokens)
        var tokens = [Int](repeating: 0, count: count)
        var members = [[Int]](repeating: [], count: count)
        for position in examples.indices.sorted(by: { (-lengths[$0], $0) < (-lengths[$1], $1) }) {
            var lightest = 0
            for shard in 1..<max(1, count)
            where (tokens[shard], members[shard].count) < (tokens[lightest], members[lightest].count) {
                lightest = shard
            }
            tokens[lightest] += lengths[position]
            members[lightest].append(position)
        }
        return members.enumerated().map { index, positions in
            Shard(index: index, examples: positions.sorted().map { examples[$0] })
        }
    }

    /// Cuts a set that is evaluated or predicted into runs of `chunkSize` examples in file order.
    ///
    /// Each is then cut into shards like a batch; the last one has what is left.
    package static func chunks(exampleCount: Int, chunkSize: Int) -> [Range<Int>] {
        precondition(exampleCount >= 0 && chunkSize > 0, "\(exampleCount) examples in chunks of \(chunkSize)")
        return stride(from: 0, to: exampleCount, by: chunkSize).map { $0..<min($0 + chunkSize, exampleCount) }
    }
}
