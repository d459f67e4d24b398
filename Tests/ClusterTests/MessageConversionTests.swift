//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Datasets
import Generation
import Testing
import Training
import Wire

@Suite("Work as a message")
struct MessageConversionTests {
    private func example(_ index: UInt32, types: [Int32], _ target: Datasets.Target) -> TokenisedExample {
        TokenisedExample(
            index: index, tokenIDs: types.indices.map { Int32($0) * 7919 + Int32(index) }, tokenTypeIDs: types,
            target: target)
    }

    /// Three shards of five examples, with and without second segments.
    private func shards(_ target: (Int) -> Datasets.Target) -> [Datasets.Shard] {
        [
            Datasets.Shard(
                index: 0,
                examples: [example(8, types: [0, 0, 0], target(0)), example(3, types: [0, 0, 1, 1], target(1))]),
            Datasets.Shard(index: 1, examples: [example(70_000, types: [0], target(2))]),
            Datasets.Shard(
                index: 2,
                examples: [example(0, types: [1, 0, 1], target(3)), example(5, types: [0, 0], target(4))]),
        ]
    }

    /// What arrives at a worker that was given some of the shards.
    private func sent(_ work: StepWork, shards: [Int]) throws -> ShardAssignment? {
        var decoder = FrameDecoder(limits: .fromCoordinator)
        try decoder.append(
            ControlMessage.shardAssignment(ShardAssignment(work, shards: shards, generation: 4)).encode())
        guard let frame = try decoder.next(), case .shardAssignment(let received) = try ControlMessage(decoding: frame)
        else { return nil }
        return received
    }

    @Test("header, tokens, types and targets arrive as they were", arguments: StepWork.Kind.allCases, 0..<3)
    func roundTrip(kind: StepWork.Kind, targets: Int) throws {
        let shards = shards { place in
            switch targets {
            case 0: .classIndex(place % 3)
            case 1: .score(Float(place) * 0.1 - 0.15)
            // Only what is predicted or scored may lack its answer.
            default: [.predict, .generate, .importance].contains(kind) ? .none : .classIndex(0)
            }
        }
        let generation = try GenerationSettings(strategy: .greedy, newTokens: 3, endTokens: [2, 7])
        let work = StepWork(kind: kind, step: 12, shards: shards, generation: kind == .generate ? generation : nil)
        let received = try #require(try sent(work, shards: [0, 2]))
        #expect(received.generation == 4)
        #expect(received.header == work.header)
        #expect(received.endTokenIDs == (kind == .generate ? [2, 7] : []))
        #expect(received.trainingShards == [shards[0], shards[2]])
    }

    @Test("a part of a pass states the whole pass, and a worker without a shard hears of it too")
    func partOfPass() throws {
        let work = StepWork(
            kind: .gradientScore, step: 0, shards: shards { _ in .classIndex(1) }, ofExamples: 1000, tokens: 54_321)
        let received = try #require(try sent(work, shards: []))
        #expect(received.header == work.header)
        #expect(received.header.exampleCount == 1000 && received.header.tokenCount == 54_321)
        #expect(received.trainingShards.isEmpty)
    }
}
