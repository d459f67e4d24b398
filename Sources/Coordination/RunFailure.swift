//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why a run ended: who, where, what was awaited, and what to try.
package struct RunFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// A worker's connection ended or fell silent.
        case workerLost
        /// A worker reported an error of its own.
        case workerFailed
        /// Workers disagree about the state after a step.
        case desynchronised
        /// Nothing came in time.
        case deadline
        /// Not enough workers joined.
        case rosterIncomplete
        /// No worker holds the run's state any more: it goes on from the last checkpoint.
        case stateLost
    }
    package let code: Code
    /// The workers that it is about.
    package let workers: [String]
    package let description: String

    package init(code: Code, workers: [String], description: String) {
        self.code = code
        self.workers = workers
        self.description = description
    }
}
