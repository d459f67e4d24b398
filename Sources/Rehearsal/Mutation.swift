//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

/// A rule that is broken on purpose, to see that the invariants notice.
package enum Mutation: String, CaseIterable, Sendable {
    /// A worker commits what it was at, although it has answered the halt.
    case commitsAfterHalt
    /// A shard is given to two workers, and nobody looks at the lanes.
    case doubledShard
    /// Workers leave the data links of a generation as they are, and the next one goes on with them.
    case reusedLinks
    /// A worker commits a step without adding one of its shards.
    case lostShard
    /// A worker takes one step for two.
    case stepTwice
    /// The disk forgets a journal line that was flushed.
    case lostJournalLine
    /// The coordinator goes on from the checkpoint before the last.
    case olderCheckpoint
    /// The coordinator takes any state that is sent for the one that it asked for, and workers send the one before.
    case lowerState
    /// The run is told of a step twice.
    case answersTwice
    /// Nobody is ever given the state.
    case neverEquips
    /// The run gives out all steps at once.
    case noWindow
    /// A damaged state is exported.
    case damagedExport
    /// Workers without links do not say with whom.
    case namesNobody
    // Rules of `CoordinatorState` as they were before rehearsals found them wrong.
    /// Of two steps that the run was not told of, both are done with the digest of the second.
    case oneDigestForTwoSteps
    /// A step counts as done before anybody was given it.
    case doneBeforeGiven
    /// What lies beyond reports that differ counts.
    case beyondDisputes

    /// What it breaks in the coordinator's own state machine.
    var relapse: Relapse? {
        switch self {
        case .oneDigestForTwoSteps: .oneDigestForTwoSteps
        case .doneBeforeGiven: .doneBeforeGiven
        case .beyondDisputes: .beyondDisputes
        default: nil
        }
    }

    /// Whether memory has to change for it to matter.
    var takesCorruption: Bool { self == .beyondDisputes }
}

/// What must hold after every event.
package enum Invariant: String, CaseIterable, Sendable {
    /// All commits of a step have one digest, also across restarts of the coordinator.
    case oneStateAStep
    /// Each shard of a committed step is counted once.
    case shardsOnce
    /// Nobody commits anything of a generation that it has answered the halt of, nor with sums of another one.
    case oneGeneration
    /// A flushed line is there after a restart, a checkpoint is never older than one before.
    case nothingLost
    /// The run's answers come in order, once each.
    case answersInOrder
    /// Queues stay short.
    case boundedQueues
    /// Both sides follow the protocol.
    case protocolFollowed
    /// The run finishes once faults stop.
    case progress
    /// It ends with the state of the undisturbed run.
    case finalState
}

/// A broken invariant.
package struct BrokenInvariant: Error, CustomStringConvertible {
    package let invariant: Invariant
    package let detail: String

    package var description: String { "\(invariant.rawValue): \(detail)" }
}
