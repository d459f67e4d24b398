//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to coordinator: an exchanged step is done.
package struct StepReport: WireMessage {
    /// How long one shard took.
    package struct ShardTime: Hashable, Sendable {
        /// The shard's index within the step.
        package let shard: Int
        /// Unit: nanoseconds.
        package let nanoseconds: Int

        package init(shard: Int, nanoseconds: Int) {
            self.shard = shard
            self.nanoseconds = nanoseconds
        }
    }

    /// The digest of one shard's sums.
    package struct Audit: Hashable, Sendable {
        /// The shard's index within the step.
        package let shard: Int
        /// SHA-256 of its sums before they are added to any others.
        package let digest: [UInt8]

        package init(shard: Int, digest: [UInt8]) {
            self.shard = shard
            self.digest = digest
        }
    }

    static let kind = FrameKind.stepReport

    /// The roster's generation.
    package let generation: Int
    /// What was computed: anything but `evaluate`.
    package let workKind: WorkKind
    /// The assignment's step.
    package let step: Int
    /// SHA-256 of adapter and optimiser state after the step.
    package let digest: [UInt8]
    /// The reduced sum of the examples' losses, in fixed point.
    package let lossSum: Int64
    /// Over how many examples the loss was summed.
    package let lossCount: Int
    /// The gradient's global L2 norm before clipping; 0 where there is none.
    package let gradientNorm: Double
    /// The shards that this worker computed, ascending.
    package let shardTimes: [ShardTime]
    /// From the assignment's arrival to the last shard's end, in nanoseconds.
    package let computeNanoseconds: Int
    /// How long the all-reduce took, in nanoseconds.
    package let exchangeNanoseconds: Int
    /// The reduced score of every projection, in fixed point; none for training.
    package let reducedSums: [Int64]
    /// Of the shards that the assignment wanted a digest of, ascending.
    package let audits: [Audit]

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(
        generation: Int, workKind: WorkKind, step: Int, digest: [UInt8], lossSum: Int64, lossCount: Int,
        gradientNorm: Double, shardTimes: [ShardTime], computeNanoseconds: Int, exchangeNanoseconds: Int,
        reducedSums: [Int64] = [], audits: [Audit] = []
    ) throws(WireError) {
        let check = FieldChecks("StepReport")
        try check.generation(generation)
        guard workKind.isExchanged else {
            throw check.error("kind", "what is not exchanged is reported by PredictionReport or TextReport")
        }
        try check.id("step", step)
        try check.digest("digest", digest)
        try check.id("loss_count", lossCount)
        try check.finite("gradient_norm", gradientNorm)
        guard gradientNorm >= 0 else {
            throw check.error("gradient_norm", "expected 0 or more, found \(gradientNorm)")
        }
        try check.count("shard_indexes", shardTimes.count, 0...FieldChecks.maximumShards)
        for time in shardTimes {
            try check.integer("shard_indexes", time.shard, 0...(FieldChecks.maximumShards - 1))
            try check.nanoseconds("shard_durations_ns", time.nanoseconds)
        }
        try check.ascending("shard_indexes", shardTimes.map(\.shard))
        try check.nanoseconds("compute_ns", computeNanoseconds)
        try check.nanoseconds("exchange_ns", exchangeNanoseconds)
        try check.count(
            "reduced_sums", reducedSums.count, 0...(workKind == .train ? 0 : FieldChecks.maximumProjections))
        try check.count("audited_shards", audits.count, 0...FieldChecks.maximumShards)
        for audit in audits {
            try check.integer("audited_shards", audit.shard, 0...(FieldChecks.maximumShards - 1))
            try check.digest("audit_digests", audit.digest)
        }
        try check.ascending("audited_shards", audits.map(\.shard))
        self.generation = generation
        self.workKind = workKind
        self.step = step
        self.digest = digest
        self.lossSum = lossSum
        self.lossCount = lossCount
        self.gradientNorm = gradientNorm
        self.shardTimes = shardTimes
        self.computeNanoseconds = computeNanoseconds
        self.exchangeNanoseconds = exchangeNanoseconds
        self.reducedSums = reducedSums
        self.audits = audits
    }

    init(_ message: CStepReport, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("StepReport")
        let indexes = [Int](widening: message.shard_indexes, count: message.n_shard_indexes)
        let durations = [UInt64](copying: message.shard_durations_ns, count: message.n_shard_durations_ns)
        guard indexes.count == durations.count else {
            throw check.error("shard_durations_ns", "expected \(indexes.count), found \(durations.count)")
        }
        var times: [ShardTime] = []
        for (index, duration) in zip(indexes, durations) {
            times.append(
                ShardTime(shard: index, nanoseconds: try check.decodeInteger("shard_durations_ns", duration)))
        }
        let audited = [Int](widening: message.audited_shards, count: message.n_audited_shards)
        let sums = UnsafeBufferPointer(start: message.audit_digests, count: message.n_audit_digests)
        guard audited.count == sums.count else {
            throw check.error("audit_digests", "expected \(audited.count), found \(sums.count)")
        }
        try self.init(
            generation: Int(message.generation),
            workKind: WorkKind(message.kind, of: check),
            step: Int(message.step),
            digest: message.digest.bytes,
            lossSum: message.loss_sum,
            lossCount: Int(message.loss_count),
            gradientNorm: message.gradient_norm,
            shardTimes: times,
            computeNanoseconds: check.decodeInteger("compute_ns", message.compute_ns),
            exchangeNanoseconds: check.decodeInteger("exchange_ns", message.exchange_ns),
            reducedSums: [Int64](copying: message.reduced_sums, count: message.n_reduced_sums),
            audits: zip(audited, sums).map { Audit(shard: $0, digest: $1.bytes) })
    }

    func generated(_ arena: EncodingArena) -> CStepReport {
        var message = CStepReport.prepared()
        message.generation = UInt32(generation)
        message.kind = workKind.generated
        message.step = UInt32(step)
        message.digest = arena.data(digest)
        message.loss_sum = lossSum
        message.loss_count = UInt32(lossCount)
        message.gradient_norm = gradientNorm
        message.n_shard_indexes = shardTimes.count
        message.shard_indexes = arena.array(shardTimes.map { UInt32($0.shard) })
        message.n_shard_durations_ns = shardTimes.count
        message.shard_durations_ns = arena.array(shardTimes.map { UInt64($0.nanoseconds) })
        message.compute_ns = UInt64(computeNanoseconds)
        message.exchange_ns = UInt64(exchangeNanoseconds)
        message.n_reduced_sums = reducedSums.count
        message.reduced_sums = arena.array(reducedSums)
        message.n_audited_shards = audits.count
        message.audited_shards = arena.array(audits.map { UInt32($0.shard) })
        message.n_audit_digests = audits.count
        message.audit_digests = arena.array(audits.map { arena.data($0.digest) })
        return message
    }
}
