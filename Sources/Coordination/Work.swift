//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A piece of work that the workers do together, as the state machine sees it: what it computes is opaque here.
package struct Work: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// Everyone takes part in one all-reduce, with or without shards, and everyone reports a digest.
        case collective
        /// Each shard is answered on its own; who has none does nothing.
        case independent
    }
    /// Unlike that of any other piece that is under way.
    package let id: UInt64
    package let kind: Kind
    /// In words for messages: "step 12 of the probe".
    package let description: String
    /// Tokens of every shard.
    package let shardTokens: [Int]
    /// How many steps the state has behind it once this is done; nil for work that leaves the state as it is.
    package let resultingStep: Int?

    package init(id: UInt64, kind: Kind, description: String, shardTokens: [Int], resultingStep: Int? = nil) {
        self.id = id
        self.kind = kind
        self.description = description
        self.shardTokens = shardTokens
        self.resultingStep = resultingStep
    }
}

/// The state that a worker holds.
package struct HeldState: Hashable, Sendable {
    /// Steps of the phase that are behind it.
    package var step: Int
    package var digest: [UInt8]

    package init(step: Int, digest: [UInt8]) {
        self.step = step
        self.digest = digest
    }
}

/// What a worker says of a collective piece when it is done with it.
package struct CollectiveReport: Hashable, Sendable {
    package var work: UInt64
    package var generation: UInt32
    /// The digest of its state.
    package var state: [UInt8]
    /// Everything that all workers must agree on, the state's digest included.
    package var result: [UInt8]
    /// Tokens of the shards that it computed, and how long that took.
    package var tokens: Int
    package var nanoseconds: UInt64
    /// The digests of single shards' sums that were asked for.
    package var audits: [Int: [UInt8]]

    package init(
        work: UInt64, generation: UInt32, state: [UInt8], result: [UInt8], tokens: Int, nanoseconds: UInt64,
        audits: [Int: [UInt8]] = [:]
    ) {
        self.audits = audits
        self.work = work
        self.generation = generation
        self.state = state
        self.result = result
        self.tokens = tokens
        self.nanoseconds = nanoseconds
    }
}

/// Whose trouble it is that keeps a worker from going on.
package enum WorkerTrouble: Hashable, Sendable {
    /// The links to other workers; while they are made, with whom there is none, by place in the roster.
    case network(unlinked: [Int])
    /// A shard was not counted exactly once.
    case miscount(shard: Int)
    /// The worker's alone: another in its place would have gone on.
    case itsOwn
    /// Everyone would have it: the data or the settings.
    case everyones
}

/// How far a worker says it is.
package enum WorkerStage: Hashable, Sendable {
    case idle
    /// So many of its shards are done; `roundsDone` tells of progress within one.
    case computing(work: UInt64, shardsDone: Int, roundsDone: Int = 0)
    /// It has its own sums and waits for the others'.
    case exchanging(work: UInt64)
}

/// Deadlines, all in nanoseconds of the coordinator's monotonic clock.
package struct Deadlines: Hashable, Sendable {
    /// From the start until all workers have joined.
    package var join: UInt64
    /// From the roster until all data links stand, and from a phase's start until everyone is ready for it.
    package var preparation: UInt64
    /// Silence after which a worker counts as lost.
    ///
    /// Heartbeats come far more often.
    package var silence: UInt64
    /// From a worker's loss until the run gets on again.
    package var rejoin: UInt64
    /// The least that a piece of work may take before it counts as stuck.
    package var workFloor: UInt64
    /// Beyond the floor a piece may take this many times the typical duration.
    package var workFactor: UInt64

    package init(
        join: UInt64, preparation: UInt64, silence: UInt64, rejoin: UInt64, workFloor: UInt64, workFactor: UInt64 = 20
    ) {
        self.join = join
        self.preparation = preparation
        self.silence = silence
        self.rejoin = rejoin
        self.workFloor = workFloor
        self.workFactor = workFactor
    }
}
