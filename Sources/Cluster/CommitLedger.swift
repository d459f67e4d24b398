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

    private var digests: [Place: String] = [:]

    /// The commits that a journal holds.
    package init(_ records: [JournalRecord]) {
        for record in records {
            if case .commit(let phase, let step, let digest) = record.event {
                digests[Place(phase: phase, step: step)] = digest
            }
        }
    }

    /// Takes a commit, or holds it against the one that is known.
    /// - Returns: Whether it is new.
    /// - Throws: `ClusterError` with `.runFailed` if the step was committed with another digest before.
    package mutating func take(phase: String, step: Int, digest: String) throws(ClusterError) -> Bool {
        let place = Place(phase: phase, step: step)
        guard let known = digests[place] else {
            digests[place] = digest
            return true
        }
        guard known == digest else {
            throw ClusterError(
                code: .runFailed,
                message:
                    "step \(step) of the \(phase) gives the state \(digest.prefix(16)), but this run has committed it "
                    + "with \(known.prefix(16)) before; workers with other CPU kernels, or a changed build, would do that. "
                    + "Start anew in another output_dir")
        }
        return false
    }
}
