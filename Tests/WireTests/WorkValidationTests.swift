//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import Wire

private let digest = [UInt8](repeating: 7, count: 32)
private let tooLarge = 1 << 32

@Suite("Fields out of their range are refused: work")
struct WorkValidationTests {
    @Test("phases")
    func phases() throws {
        func start(
            total: Int = 10, start: Int = 0, owners: [PhaseStart.AdapterOwner] = [.own],
            digest: [UInt8] = [], state: [UInt8] = []
        ) throws -> PhaseStart {
            try PhaseStart(
                phase: .probe, totalSteps: total, startStep: start, adapterOwners: owners,
                stateDigest: digest, state: state)
        }
        _ = try start()
        _ = try start(digest: digest, state: [1])
        expectRefused("total_steps") { try start(total: tooLarge) }
        expectRefused("total_steps") { try start(total: -1) }
        expectRefused("start_step") { try start(start: 11) }
        expectRefused("adapter_owner") { try start(owners: []) }
        expectRefused("adapter_owner") { try start(owners: Array(repeating: .own, count: 65537)) }
        expectRefused("state_digest") { try start(digest: digest) }
        expectRefused("state_digest") { try start(state: [1]) }
        expectRefused("step") { try PhaseReady(step: -1, digest: digest) }
        expectRefused("digest") { try PhaseReady(step: 0, digest: []) }
        expectRefused("step") { try SnapshotRequest(step: tooLarge) }
        expectRefused("step") { try Snapshot(step: tooLarge, digest: digest, state: [1]) }
        expectRefused("digest") { try Snapshot(step: 0, digest: [1], state: [1]) }
        expectRefused("state") { try Snapshot(step: 0, digest: digest, state: []) }
        expectRefused("generation") { try Halt(generation: 0) }
        expectRefused("generation") { try Halted(generation: tooLarge, step: 0, digest: digest) }
        expectRefused("step") { try Halted(generation: 1, step: -1, digest: digest) }
        expectRefused("digest") { try Halted(generation: 1, step: 1, digest: [1]) }
    }

    func example(
        _ id: Int = 0, tokens: [Int32] = [1, 2], types: [Int32] = [], target: ShardAssignment.Target? = .classIndex(0)
    ) throws -> ShardAssignment.Example {
        try ShardAssignment.Example(exampleID: id, tokenIDs: tokens, tokenTypeIDs: types, target: target)
    }

    @Test("examples and shards")
    func examples() throws {
        expectRefused("example_id") { try example(-1) }
        expectRefused("example_id") { try example(tooLarge) }
        expectRefused("token_ids") { try example(tokens: []) }
        expectRefused("token_ids") { try example(tokens: [1, -1]) }
        expectRefused("token_ids") { try example(tokens: Array(repeating: 1, count: 65537)) }
        expectRefused("token_type_ids") { try example(types: [1]) }
        expectRefused("token_type_ids") { try example(types: [1, 256]) }
        expectRefused("token_type_ids") { try example(types: [1, -1]) }
        expectRefused("class_index") { try example(target: .classIndex(-1)) }
        expectRefused("class_index") { try example(target: .classIndex(65536)) }
        expectRefused("score") { try example(target: .score(.nan)) }
        expectRefused("score") { try example(target: .score(-.infinity)) }
        expectRefused("index") { try ShardAssignment.Shard(index: 65536, examples: [example()]) }
        expectRefused("index") { try ShardAssignment.Shard(index: -1, examples: [example()]) }
        expectRefused("examples") { try ShardAssignment.Shard(index: 0, examples: []) }
    }

    @Test("assignments")
    func assignments() throws {
        func shard(_ index: Int, _ examples: [ShardAssignment.Example]) throws -> ShardAssignment.Shard {
            try ShardAssignment.Shard(index: index, examples: examples)
        }
        func assignment(
            generation: Int = 1, kind: WorkKind = .train, step: Int = 0, shards: Int = 3, examples: Int = 10,
            tokens: Int = 100, _ own: [ShardAssignment.Shard] = []
        ) throws -> ShardAssignment {
            try ShardAssignment(
                generation: generation, workKind: kind, step: step, shardCount: shards, exampleCount: examples,
                tokenCount: tokens, shards: own)
        }
        _ = try assignment()
        _ = try assignment([shard(0, [example(4)]), shard(2, [example(5)])])
        expectRefused("generation") { try assignment(generation: 0) }
        expectRefused("step") { try assignment(step: tooLarge) }
        expectRefused("shard_count") { try assignment(shards: 0) }
        expectRefused("shard_count") { try assignment(shards: 65537, examples: 70000, tokens: 70000) }
        expectRefused("example_count") { try assignment(examples: 2) }
        expectRefused("token_count") { try assignment(tokens: 9) }
        expectRefused("token_count") { try assignment(tokens: (1 << 40) + 1) }
        expectRefused("shards") { try assignment([shard(3, [example()])]) }
        expectRefused("shards") { try assignment([shard(1, [example(1)]), shard(1, [example(2)])]) }
        expectRefused("shards") { try assignment([shard(2, [example(1)]), shard(1, [example(2)])]) }
        expectRefused("shards") { try assignment([shard(0, [example(1)]), shard(1, [example(1)])]) }
        expectRefused("shards") { try assignment([shard(0, [example(1, target: nil)])]) }
        expectRefused("shards") { try assignment(kind: .gradientScore, [shard(0, [example(1, target: nil)])]) }
        _ = try assignment(kind: .evaluate, [shard(0, [example(1, target: nil)])])
        expectRefused("examples") {
            try assignment(shards: 1, examples: 1, [shard(0, [example(1), example(2)])])
        }
        expectRefused("token_ids") {
            try assignment(shards: 1, examples: 1, tokens: 3, [shard(0, [example(tokens: [1, 2, 3, 4])])])
        }
    }

    @Test("an assignment of more than 2^20 tokens")
    func tokenLimit() throws {
        let tokens = [Int32](repeating: 1, count: 1 << 16)
        let examples = try (0..<17).map { try example($0, tokens: tokens) }
        let shard = try ShardAssignment.Shard(index: 0, examples: examples)
        expectRefused("token_ids") {
            try ShardAssignment(
                generation: 1, workKind: .train, step: 0, shardCount: 1, exampleCount: 17, tokenCount: 17 << 16,
                shards: [shard])
        }
    }

    @Test("step reports")
    func reports() throws {
        func report(
            generation: Int = 1, kind: WorkKind = .train, step: Int = 0, digest: [UInt8] = digest, count: Int = 1,
            norm: Double = 1, times: [(Int, Int)] = [], compute: Int = 0, exchange: Int = 0, sums: [Int64] = []
        ) throws -> StepReport {
            try StepReport(
                generation: generation, workKind: kind, step: step, digest: digest, lossSum: -1, lossCount: count,
                gradientNorm: norm, shardTimes: times.map { StepReport.ShardTime(shard: $0.0, nanoseconds: $0.1) },
                computeNanoseconds: compute, exchangeNanoseconds: exchange, reducedSums: sums)
        }
        _ = try report()
        expectRefused("generation") { try report(generation: 0) }
        expectRefused("kind") { try report(kind: .evaluate) }
        expectRefused("kind") { try report(kind: .generate) }
        expectRefused("step") { try report(step: -1) }
        expectRefused("digest") { try report(digest: []) }
        expectRefused("loss_count") { try report(count: -1) }
        expectRefused("gradient_norm") { try report(norm: -1) }
        expectRefused("gradient_norm") { try report(norm: .nan) }
        expectRefused("shard_indexes") { try report(times: [(65536, 0)]) }
        expectRefused("shard_indexes") { try report(times: [(1, 0), (1, 0)]) }
        expectRefused("shard_durations_ns") { try report(times: [(1, -1)]) }
        expectRefused("compute_ns") { try report(compute: -1) }
        expectRefused("exchange_ns") { try report(exchange: -1) }
        expectRefused("reduced_sums") { try report(sums: [1]) }
        expectRefused("reduced_sums") { try report(kind: .importance, sums: Array(repeating: 1, count: 65537)) }
    }

    @Test("prediction reports")
    func predictions() throws {
        func report(
            generation: Int = 1, work: Int = 0, shard: Int = 0, examples: [Int] = [1, 2], labels: Int = 2,
            logits: [Float] = [1, 2, 3, 4]
        ) throws -> PredictionReport {
            try PredictionReport(
                generation: generation, workID: work, shardIndex: shard, exampleIDs: examples, labelCount: labels,
                logits: logits)
        }
        _ = try report()
        expectRefused("generation") { try report(generation: 0) }
        expectRefused("work_id") { try report(work: tooLarge) }
        expectRefused("shard_index") { try report(shard: 65536) }
        expectRefused("example_ids") { try report(examples: []) }
        expectRefused("example_ids") { try report(examples: [1, 1]) }
        expectRefused("example_ids") { try report(examples: [1, tooLarge]) }
        expectRefused("label_count") { try report(labels: 0) }
        expectRefused("logits") { try report(logits: [1, 2, 3]) }
        expectRefused("logits") { try report(logits: [1, 2, .nan, 4]) }
    }

    @Test("texts of a shard")
    func texts() throws {
        func report(
            generation: Int = 1, work: Int = 0, shard: Int = 0, examples: [Int] = [1, 2],
            texts: [[Int32]] = [[5], [6, 7]]
        ) throws -> TextReport {
            try TextReport(
                generation: generation, workID: work, shardIndex: shard, exampleIDs: examples, texts: texts)
        }
        _ = try report()
        expectRefused("generation") { try report(generation: 0) }
        expectRefused("work_id") { try report(work: tooLarge) }
        expectRefused("shard_index") { try report(shard: 65536) }
        expectRefused("example_ids") { try report(examples: [], texts: []) }
        expectRefused("example_ids") { try report(examples: [1, 1]) }
        expectRefused("token_counts") { try report(texts: [[5]]) }
        expectRefused("token_counts") { try report(texts: [[5], []]) }
        expectRefused("tokens") { try report(texts: [[5], [-1]]) }
        expectRefused("token_counts") { try report(texts: [[5], [Int32](repeating: 0, count: 1 << 20 + 1)]) }
    }

    @Test("chunk headers")
    func chunks() throws {
        func header(
            generation: Int = 1, offset: Int = 0, count: Int = 1
        ) throws -> ChunkHeader {
            try ChunkHeader(
                generation: generation, exchange: 0, offset: offset, elementCount: count)
        }
        let bytes = try Array(header().encodeWithPrefix(packedByteCount: 33).dropFirst(FramePrefix.byteCount))
        let rest = bytes[...]
        // One element: a byte, and a word of each of the four sequences.
        #expect(try ChunkHeader(validating: rest, rawByteCount: 33) == header())
        expectRefused("generation") { try header(generation: 0) }
        var wrong = bytes
        wrong[4] = 5
        expectRefused("zero") { try ChunkHeader(validating: wrong[...], rawByteCount: 33) }
        expectRefused("offset") { try header(offset: (1 << 40) + 1) }
        expectRefused("element_count") { try header(count: 0) }
        expectRefused("element_count") { try header(count: ChunkHeader.maximumElements + 1) }
        for count in [0, 32, 34, 65] {
            expectRefused("element_count") { try ChunkHeader(validating: rest, rawByteCount: count) }
        }
        #expect(throws: WireError.self) { try ChunkHeader(validating: rest.dropLast(), rawByteCount: 33) }
    }
}
