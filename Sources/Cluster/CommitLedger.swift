//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import RunRecords

/// The digests that steps of a run were committed with, by all starts of its coordinator: facts that a redo has to
/// reproduce.
package struct CommitLedger: Sendable {
    private struct Place: Hashable {
        let phase: String
        let step: Int
    }

    private var commits: [Place: (digest: String, examples: [UInt32])] = [:]

    /// The commits that a journal holds.
    package init(_ records: [JournalRecord]) {
        for record in records {
            if case .commit(let phase, let step, let digest, let examples) = record.event {
                commits[Place(phase: phase, step: step)] = (digest, examples)
            }
        }
    }

    /// Takes a commit, or holds it against the one that is known.
    /// - Returns: Whether it is new.
    /// - Throws: `ClusterError` with `.runFailed` if the step was committed with another digest, or of other examples,
    ///   before.
    package mutating func take(
        phase: String, step: Int, digest: String, examples: [UInt32] = []
    ) throws(ClusterError) -> Bool {
        let place = Place(phase: phase, step: step)
        guard let known = commits[place] else {
            commits[place] = (digest, examples)
            return true
        }
        guard known.examples == examples else {
            throw ClusterError(
                code: .runFailed,
                message:
                    "step \(step) of the \(phase) was made of other examples than this run has committed it with before; "
                    + "a changed build would do that. Start anew in another output_dir")
        }
        guard known.digest == digest else {
            throw ClusterError(
                code: .runFailed,
                message:
                    "step \(step) of the \(phase) gives the state \(digest.prefix(16)), but this run has committed it "
                    + "with \(known.digest.prefix(16)) before; workers with other CPU kernels, or a changed build, would do that. "
                    + "Start anew in another output_dir")
        }
        return false
    }
}
