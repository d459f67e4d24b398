//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// What is to be computed of a shard.
///
/// The raw values are those of proto/.
package enum WorkKind: UInt32, CaseIterable, Sendable {
    /// Loss and gradients; the sums are exchanged and applied.
    case train = 1
    /// The squared norms of every LoRA's output; exchanged and reported.
    case importance = 2
    /// Predictions, and the loss where there are targets; not exchanged.
    case evaluate = 3
    /// Gradient magnitudes as a layer score; exchanged and reported.
    case gradientScore = 4
    /// A text after every example, its prompt; not exchanged.
    case generate = 5

    /// Whether every example needs a target.
    package var needsTargets: Bool {
        self == .train || self == .gradientScore
    }

    /// Whether all workers add up sums of it, and report it as a step.
    package var isExchanged: Bool {
        self != .evaluate && self != .generate
    }

    init(_ value: Loradrop__Wire__V1__WorkKind, of check: FieldChecks) throws(WireError) {
        guard let kind = WorkKind(rawValue: UInt32(value.rawValue)) else {
            throw check.error("kind", "no work has number \(value.rawValue)")
        }
        self = kind
    }

    var generated: Loradrop__Wire__V1__WorkKind {
        .init(rawValue: .init(rawValue))
    }
}

/// Coordinator to worker: the shards of one step that this worker computes.
///
/// A worker without a shard is told too, with none: it takes part in the exchange.
package struct ShardAssignment: WireMessage {
    static let kind = FrameKind.shardAssignment
    /// The most tokens that one assignment carries.
    package static let maximumTokens = 1 << 20
    /// The most examples that one assignment carries.
    package static let maximumExamples = 1 << 16
    /// The most tokens of which each ends a text.
    package static let maximumEndTokens = 256

    /// The roster's generation.
    package let generation: Int
    /// What to compute.
    package let workKind: WorkKind
    /// The optimiser step, from 0, or the number of the work where it is no training.
    package let step: Int
    /// How many shards the step has over all workers.
    package let shardCount: Int
    /// How many examples the step has over all workers.
    package let exampleCount: Int
    /// How many tokens the step has over all workers.
    package let tokenCount: Int
    /// How many losses the step is a mean over, on all workers: examples, or tokens of completions.
    package let lossCount: Int
    /// This worker's shards, ascending by index.
    package let shards: [Shard]
    /// Where texts are generated: the tokens that end one.
    package let endTokenIDs: [Int32]

    /// - Parameter lossCount: Nil: as many as examples.
    /// - Throws: `WireError` with `badField` for a field out of range, shards or examples that come twice, missing
    ///   targets, more examples or tokens than the step has.
    package init(
        generation: Int, workKind: WorkKind, step: Int, shardCount: Int, exampleCount: Int, tokenCount: Int,
        lossCount: Int? = nil, shards: [Shard], endTokenIDs: [Int32] = []
    ) throws(WireError) {
        let check = FieldChecks("ShardAssignment")
        try check.generation(generation)
        try check.id("step", step)
        try check.integer("shard_count", shardCount, 1...FieldChecks.maximumShards)
        try check.integer("example_count", exampleCount, shardCount...FieldChecks.maximumID)
        try check.integer("token_count", tokenCount, exampleCount...(1 << 40))
        let lossCount = lossCount ?? exampleCount
        try check.integer("loss_count", lossCount, 1...min(tokenCount, FieldChecks.maximumID))
        try check.count("shards", shards.count, 0...shardCount)
        try check.ascending("shards", shards.map(\.index))
        try check.integer("shards", shards.last?.index ?? 0, 0...(shardCount - 1))

        let examples = shards.reduce(0) { $0 + $1.examples.count }
        let tokens = shards.reduce(0) { $0 + $1.tokenCount }
        try check.count("examples", examples, 0...min(exampleCount, Self.maximumExamples))
        try check.count("token_ids", tokens, 0...min(tokenCount, Self.maximumTokens))
        var seen: Set<Int> = []
        for shard in shards {
            for example in shard.examples {
                guard seen.insert(example.exampleID).inserted else {
                    throw check.error("shards", "example \(example.exampleID) comes twice")
                }
                guard example.target != nil || !workKind.needsTargets else {
                    throw check.error("shards", "example \(example.exampleID) has no target, \(workKind) needs one")
                }
            }
        }
        try check.count("end_token_ids", endTokenIDs.count, 0...Self.maximumEndTokens)
        for token in endTokenIDs {
            try check.integer("end_token_ids", token, 0...Int32.max)
        }
        self.endTokenIDs = endTokenIDs
        self.generation = generation
        self.workKind = workKind
        self.step = step
        self.shardCount = shardCount
        self.exampleCount = exampleCount
        self.tokenCount = tokenCount
        self.lossCount = lossCount
        self.shards = shards
    }

    init(_ message: CShardAssignment, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("ShardAssignment")
        try self.init(
            generation: Int(message.generation),
            workKind: WorkKind(message.kind, of: check),
            step: Int(message.step),
            shardCount: Int(message.shard_count),
            exampleCount: Int(message.example_count),
            tokenCount: check.decodeInteger("token_count", message.token_count),
            lossCount: check.decodeInteger("loss_count", message.loss_count),
            shards: check.decodeMessages("shards", message.shards, message.n_shards) { shard throws(WireError) in
                try Shard(shard)
            },
            endTokenIDs: check.decodeTokens("end_token_ids", message.end_token_ids, message.n_end_token_ids))
    }

    func generated(_ arena: EncodingArena) -> CShardAssignment {
        var message = CShardAssignment.prepared()
        message.generation = UInt32(generation)
        message.kind = workKind.generated
        message.step = UInt32(step)
        message.shard_count = UInt32(shardCount)
        message.example_count = UInt32(exampleCount)
        message.token_count = UInt64(tokenCount)
        message.loss_count = UInt64(lossCount)
        message.n_shards = shards.count
        message.shards = arena.messages(shards.map { $0.generated(arena) })
        message.n_end_token_ids = endTokenIDs.count
        message.end_token_ids = arena.array(endTokenIDs.map { UInt32($0) })
        return message
    }
}
