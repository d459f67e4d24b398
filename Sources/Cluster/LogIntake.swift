//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import RunRecords
import SecureTransport
import Synchronization

/// Where a coordinator takes what is known of worker processes on its own host by whoever watches over them: a
/// supervisor gives its records here, and the spool of a worker that has died.
///
/// A supervisor on another host writes the same records to a `LogSpool` of its own (origin `.supervisor`, without
/// `takesLeft`) in the worker's spool folder and closes it before it starts the worker again, which delivers them.
///
/// Any thread may use it. Before a run has opened its log files, and after its end, what comes is dropped: nobody can
/// have started its workers then.
package final class LogIntake: Sendable {
    let reporter = Mutex<RunReporter?>(nil)

    package init() {}

    /// Writes a record of the coordinator's own.
    package func report(_ level: LogLevel, _ event: String, _ message: String) {
        reporter.withLock { $0 }?.write(level, event, message)
    }

    /// Keeps a supervisor's records, with the times of this host.
    package func keep(_ records: [LogRecord]) {
        guard !records.isEmpty else { return }
        reporter.withLock { $0 }?.keep(records)
    }

    /// Takes what a worker's spool still holds.
    ///
    /// To be called when the process has ended; what a living process writes is left alone.
    /// - Throws: `RecordError` if the spool cannot be read.
    package func takeSpool(_ folder: String, of worker: String) throws {
        guard FileManager.default.fileExists(atPath: folder) else { return }
        let reader = LogStream(worker: worker, origin: .supervisor, incarnation: WorkerIncarnation.next())
        let spool = try LogSpool(folder, stream: reader)
        while let (stream, records) = try spool.next(limit: 256), let last = records.last {
            guard reporter.withLock({ $0 })?.take(records) == true else { return }
            try spool.acknowledge(stream, last.sequence)
        }
    }
}

/// Numbers for starts of processes: they grow with each, also after a machine's restart.
package enum WorkerIncarnation {
    /// The time in microseconds since 1970.
    package static func next() -> UInt64 {
        UInt64(max(1, Date().timeIntervalSince1970 * 1e6))
    }
}
