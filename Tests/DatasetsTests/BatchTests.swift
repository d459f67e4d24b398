//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Randomness
import Testing

private func example(_ index: Int, tokens: Int) -> TokenisedExample {
    TokenisedExample(
        index: UInt32(index), tokenIDs: [Int32](repeating: 5, count: tokens),
        tokenTypeIDs: [Int32](repeating: 0, count: tokens), target: .none)
}

@Suite("Order of an epoch and its batches")
struct EpochOrderTests {
    private let order = EpochOrder(seed: 42, phase: 2, exampleCount: 103, batchSize: 32)

    @Test("an epoch visits every example once, also those of its smaller last batch")
    func completeness() {
        let permutation = order.permutation(epoch: 3)
        #expect(order.batchCount == 4)
        let batches = (0..<4).map { Array(order.positions(ofBatch: $0, in: permutation)) }
        #expect(batches.map(\.count) == [32, 32, 32, 7])
        #expect(batches.flatMap { $0 }.sorted() == Array(0..<103))
    }

    @Test("the order is a function of seed, phase and epoch")
    func determinism() {
        let same = EpochOrder(seed: 42, phase: 2, exampleCount: 103, batchSize: 8)
        #expect(order.permutation(epoch: 1) == same.permutation(epoch: 1))
        #expect(order.permutation(epoch: 1) != order.permutation(epoch: 2))
        let probe = EpochOrder(seed: 42, phase: 1, exampleCount: 103, batchSize: 32)
        #expect(order.permutation(epoch: 1) != probe.permutation(epoch: 1))
        #expect(
            order.permutation(epoch: 1)
                == RandomStream(seed: 42, purpose: .shuffle, phase: 2, index: 1).permutation(count: 103))
    }

    @Test("a step is a place in an epoch, and a batch holds the examples of that place")
    func steps() {
        #expect(order.place(ofStep: 0) == (0, 0))
        #expect(order.place(ofStep: 7) == (1, 3))
        let examples = (0..<103).map { example($0, tokens: $0 + 1) }
        let permutation = order.permutation(epoch: 1)
        let batch = GlobalBatch(order, epoch: 1, index: 3, permutation: permutation, of: examples)
        #expect(batch.examples.map { Int($0.index) } == Array(permutation.suffix(7)))
        #expect(batch.tokenCount == permutation.suffix(7).reduce(0) { $0 + $1 + 1 })
    }
}

@Suite("Shards of a batch")
struct ShardPlanTests {
    @Test("shards hold every example once, in the batch's order, with about equal numbers of tokens")
    func balance() {
        var draws = SequentialDraws(RandomStream(seed: 5, purpose: .numericProbe))
        for size in [1, 2, 7, 32, 100] {
            let examples = (0..<size).map { example($0, tokens: 3 + draws.below(60)) }
            let tokens = examples.reduce(0) { $0 + $1.tokenIDs.count }
            let shards = ShardPlan.shards(of: examples, shardTokens: 96)
            let enough = (tokens + 95) / 96
            #expect(shards.count == min(size, enough > 1 ? enough + enough % 2 : enough))
            #expect(shards.map(\.index) == Array(shards.indices))
            #expect(shards.flatMap(\.examples).map(\.index).sorted() == examples.map(\.index))
            for shard in shards {
                #expect(!shard.examples.isEmpty)
                #expect(shard.examples.map(\.index) == shard.examples.map(\.index).sorted())
                // Greedy: nobody gets more than the mean and one more example.
                #expect(shard.tokenCount <= tokens / shards.count + 63)
            }
        }
    }

    @Test("a known batch is cut as derived by hand")
    func knownAnswer() {
        let examples = [4, 9, 4, 7, 2, 6].enumerated().map { example($0.offset, tokens: $0.element) }
        // 32 tokens in shards of 11: 3, made even. Longest first: 9→0, 7→1, 6→2, 4(0)→3, 4(2)→3, 2→2.
        let shards = ShardPlan.shards(of: examples, shardTokens: 11)
        #expect(shards.map { $0.examples.map(\.index) } == [[1], [3], [4, 5], [0, 2]])
        #expect(shards.map(\.tokenCount) == [9, 7, 8, 8])
    }

    @Test("never more shards than examples, never none for one, none for nothing")
    func bounds() {
        #expect(ShardPlan.shards(of: [example(0, tokens: 500)], shardTokens: 96).count == 1)
        #expect(ShardPlan.shards(of: [example(0, tokens: 1), example(1, tokens: 1)], shardTokens: 96).count == 1)
        #expect(ShardPlan.shards(of: [example(0, tokens: 0), example(1, tokens: 500)], shardTokens: 96).count == 2)
        #expect(ShardPlan.shards(of: [], shardTokens: 96).isEmpty)
        #expect(ShardPlan.shardCount(tokenCount: 96, exampleCount: 9, shardTokens: 96) == 1)
        #expect(ShardPlan.shardCount(tokenCount: 97, exampleCount: 9, shardTokens: 96) == 2)
        #expect(ShardPlan.shardCount(tokenCount: 193, exampleCount: 9, shardTokens: 96) == 4)
        #expect(ShardPlan.shardCount(tokenCount: 193, exampleCount: 3, shardTokens: 96) == 3)
    }

    @Test("evaluation is cut into runs in file order, the last one smaller")
    func chunks() {
        #expect(ShardPlan.chunks(exampleCount: 10, chunkSize: 4) == [0..<4, 4..<8, 8..<10])
        #expect(ShardPlan.chunks(exampleCount: 0, chunkSize: 4).isEmpty)
    }
}
