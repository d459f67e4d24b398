//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A rule of `CoordinatorState` as it was before a rehearsal found it wrong.
///
/// No run has one. A rehearsal brings one back to see that the seeds that found it still do.
package enum Relapse: String, CaseIterable, Sendable {
    /// Of two steps that survivors had made and nobody had been told of, both are done with the digest of the second.
    case oneDigestForTwoSteps
    /// A step that was asked for while a generation was being halted counts as done before anybody was given it.
    case doneBeforeGiven
    /// What lies beyond reports that differ counts, although it has the sums of who deviated.
    case beyondDisputes
}
