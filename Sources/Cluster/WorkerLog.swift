//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import RunRecords
package import SecureTransport
package import Wire

/// A worker's log records on their way to the coordinator: into the spool, out of it in batches, and forgotten when the
/// coordinator says that they are written.
///
/// The owner of the control link calls `linkEstablished()` each time the link stands (after the first welcome, and after
/// every later one of the same process): what was sent and not acknowledged is then sent again. Records may be written
/// before there is a link. The coordinator recognises what comes twice, so sending again never doubles a record.
///
/// `@unchecked Sendable`: all mutable state is behind `lock`.
package final class WorkerLog: @unchecked Sendable {
    /// How many records may be under way; more wait for acknowledgements.
    private static let window = 1024
    private static let batchSize = 128
    /// How long an acknowledgement may take before its records are sent again; doubled each time in vain.
    private static let firstPatience = Duration.seconds(5)
    private static let lastPatience = Duration.seconds(60)

    private let lock = NSLock()
    private let spool: LogSpool
    private var least = LogLevel.info
    private var isUnreadable = false
    private var patience = WorkerLog.firstPatience
    /// When the last batch was sent or acknowledged.
    private var progressedAt = MonotonicClock.now()

    package init(_ spool: LogSpool) {
        self.spool = spool
    }

    /// The least level of the records that are kept.
    package var minimum: LogLevel {
        get { lock.withLock { least } }
        set { lock.withLock { least = newValue } }
    }

    package func write(_ level: LogLevel, _ event: String, _ message: String, fields: [String: LogValue] = [:]) {
        lock.withLock {
            guard level >= least else { return }
            append(level, event, message, fields)
        }
    }

    /// The control link stands: what is not acknowledged is sent again over it.
    package func linkEstablished() {
        lock.withLock {
            spool.rewind()
            patience = Self.firstPatience
            progressedAt = MonotonicClock.now()
        }
    }

    /// What is to be sent now.
    package func takeBatches(at now: MonotonicInstant = MonotonicClock.now()) -> [ControlMessage] {
        lock.withLock {
            if spool.flyingCount > 0, now.since(progressedAt) > patience {
                spool.rewind()
                patience = min(patience * 2, Self.lastPatience)
                progressedAt = now
            }
            var messages: [ControlMessage] = []
            do {
                while spool.flyingCount < Self.window, let next = try spool.next(limit: Self.batchSize) {
                    for batch in try LogBatch.batches(next.records, of: next.stream, at: now) {
                        messages.append(.logBatch(batch))
                    }
                }
                isUnreadable = false
            } catch {
                if !isUnreadable {
                    append(.error, "log-unreadable", "records of the spool cannot be sent: \(error)", [:])
                }
                isUnreadable = true
            }
            if !messages.isEmpty { progressedAt = now }
            return messages
        }
    }

    /// Records are in the coordinator's files.
    /// - Throws: `RecordError` if they were never written here, or the spool's files cannot be removed.
    package func acknowledged(_ acknowledgement: LogAcknowledgement) throws {
        try lock.withLock {
            let stream = LogStream(
                worker: spool.stream.worker, origin: acknowledgement.origin.logOrigin,
                incarnation: acknowledgement.incarnation)
            try spool.acknowledge(stream, acknowledgement.sequence)
            patience = Self.firstPatience
            progressedAt = MonotonicClock.now()
        }
    }

    /// Whether the coordinator has everything that was written.
    package var isDelivered: Bool { lock.withLock { spool.isDelivered } }

    private func append(_ level: LogLevel, _ event: String, _ message: String, _ fields: [String: LogValue]) {
        spool.write(
            level, event, message, fields: fields, wallNanoseconds: Int(Date().timeIntervalSince1970 * 1e9),
            monotonicNanoseconds: Int(MonotonicClock.now().nanoseconds))
    }
}
