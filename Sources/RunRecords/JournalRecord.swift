//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The layer decision with what it was made from.
package struct JournalDecision: Sendable, Hashable {
    /// The modules that have importance, by full name.
    package var modules: [String]
    /// Of each module: the exact sum over the sample, a fixed-point number in units of 2^exponent.
    package var sums: [Int64]
    package var exponent: Int
    /// The modules that keep a LoRA of their own, by full name.
    package var kept: [String]

    /// - Precondition: one sum a module.
    package init(modules: [String], sums: [Int64], exponent: Int, kept: [String]) {
        precondition(modules.count == sums.count, "\(modules.count) modules and \(sums.count) sums")
        self.modules = modules
        self.sums = sums
        self.exponent = exponent
        self.kept = kept
    }
}

/// A fact of a run that any later start of the coordinator has to respect.
package enum JournalEvent: Sendable, Hashable {
    /// A coordinator has opened the run folder.
    case opened(incarnation: UInt64)
    /// Generation `generation` has been formed of these workers, in ring order.
    case roster(generation: UInt64, workers: [String])
    /// A phase begins, or goes on: its steps, the examples that it visits once an epoch, and the steps of an epoch.
    case phaseBegan(phase: String, stepCount: Int, exampleCount: Int = 0, stepsPerEpoch: Int = 0)
    /// All steps of a phase are done; its state has this digest.
    case phaseEnded(phase: String, step: Int, digest: String)
    case decision(JournalDecision)
    /// All workers have reached this digest: any redo of the step must reproduce it.
    ///
    /// `examples` are the places in the file of all examples that the step was computed from, as they stood in the
    /// shards that were handed out; the sums of the step held every shard exactly once.
    case commit(phase: String, step: Int, digest: String, examples: [UInt32] = [])
    /// A checkpoint of the state after a step is on disk, in a folder relative to the run folder.
    case checkpoint(phase: String, step: Int, digest: String, folder: String)
    case evaluation(phase: String, step: Int, metrics: [String: Double])
    /// The adapter with this SHA-256 has been written.
    case finished(adapterDigest: String)
}

/// A line of the journal.
package struct JournalRecord: Sendable, Hashable {
    /// Counts the records of the journal, from 0.
    package let sequence: UInt64
    /// When it was written, in nanoseconds since 1970.
    package let wallNanoseconds: Int
    package let event: JournalEvent

    package init(sequence: UInt64, wallNanoseconds: Int, event: JournalEvent) {
        self.sequence = sequence
        self.wallNanoseconds = wallNanoseconds
        self.event = event
    }
}
