//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Both ways, at a fixed interval: the sender lives and this is how far it is.
package struct Heartbeat: WireMessage {
    static let kind = FrameKind.heartbeat

    /// Counts this sender's heartbeats on this connection, from 1.
    package let counter: UInt64
    /// The sender's monotonic clock, in nanoseconds.
    package let monotonicNanoseconds: Int
    /// The step at work.
    package let step: Int
    /// How many of its shards the sender has finished.
    package let shardsDone: Int
    /// Layers that shards went through or, where a worker generates texts, rounds of tokens, over all its shards so far.
    package let roundsDone: Int
    /// What a worker computes at this step; none while it has nothing to do, and from the coordinator.
    package let work: WorkKind?
    /// Whether a worker has its own sums and waits for those of the others.
    package let isExchanging: Bool

    /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
    package init(
        counter: UInt64, monotonicNanoseconds: Int, step: Int, shardsDone: Int, work: WorkKind? = nil,
        isExchanging: Bool = false, roundsDone: Int = 0
    ) throws(WireError) {
        let check = FieldChecks("Heartbeat")
        try check.integer("counter", counter, 1...UInt64.max)
        try check.nanoseconds("monotonic_ns", monotonicNanoseconds)
        try check.id("step", step)
        try check.integer("shards_done", shardsDone, 0...FieldChecks.maximumShards)
        try check.integer("rounds_done", roundsDone, 0...Int(Int32.max))
        self.counter = counter
        self.monotonicNanoseconds = monotonicNanoseconds
        self.step = step
        guard work != nil || !isExchanging else {
            throw check.error("exchanging", "it exchanges the sums of no work")
        }
        self.shardsDone = shardsDone
        self.roundsDone = roundsDone
        self.work = work
        self.isExchanging = isExchanging
    }

    init(_ message: CHeartbeat, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("Heartbeat")
        let work = message.kind.rawValue == 0 ? nil : try WorkKind(message.kind, of: check)
        try self.init(
            counter: message.counter,
            monotonicNanoseconds: check.decodeInteger("monotonic_ns", message.monotonic_ns),
            step: Int(message.step),
            shardsDone: Int(message.shards_done),
            work: work,
            isExchanging: message.exchanging != 0,
            roundsDone: Int(message.rounds_done))
    }

    func generated(_ arena: EncodingArena) -> CHeartbeat {
        var message = CHeartbeat.prepared()
        message.counter = counter
        message.monotonic_ns = UInt64(monotonicNanoseconds)
        message.step = UInt32(step)
        message.shards_done = UInt32(shardsDone)
        if let work {
            message.kind = work.generated
        }
        message.exchanging = isExchanging ? 1 : 0
        message.rounds_done = UInt32(roundsDone)
        return message
    }
}
