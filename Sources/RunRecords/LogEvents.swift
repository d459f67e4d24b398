//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The events that are read again by this program.
package enum LogEvents {
    /// A line that a process wrote to stderr.
    package static let stderr = "stderr"
    /// A process has ended; fields `process_id`, `asked`, and `exit_code` or `signal`.
    package static let processEnded = "process-ended"
    /// A worker cannot go on, and says why; fields `code`, `phase`, `step`.
    package static let workerFailed = "worker-failed"
    /// A full spool has dropped records; fields `stream_origin`, `stream_incarnation`, `first`, `last`.
    package static let overflow = "log-overflow"
    /// The coordinator gives the run up.
    package static let runFailing = "run-failing"
}
