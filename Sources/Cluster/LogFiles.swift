//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation
package import RunRecords
import SecureTransport
package import Wire

/// The log files of a run: one for each process, and one with all records in the order of their arrival.
///
/// Every record is in them exactly once. The merged file says what is written: it is read when the files are opened, a
/// line that a crash cut off is removed, and what a crash kept from a process's own file is copied there.
///
/// One thread at a time uses it.
package final class LogFiles {
    /// The worker of the coordinator's own records.
    package static let ownName = "coordinator"
    /// Records of this process that may wait for the files to be writable.
    private static let backlogLimit = 256

    private let folder: RunFolder
    private let incarnation: UInt64
    private let minimum: LogLevel
    private let merged: LineFile
    private var files: [String: LineFile] = [:]
    private var sequence: UInt64 = 0
    private var marks: LogMarks
    private var clocks: [String: WorkerClock] = [:]
    private var backlog: [LogRecord] = []
    private var unwritten = 0
    /// What keeps records from being written; nil while nothing does.
    package private(set) var failure: String?
    /// The last records of every process.
    package private(set) var recent = RecentRecords()

    /// What is known of the clock of a worker whose link stands.
    private struct WorkerClock {
        let incarnation: UInt64
        var monotonic = ClockCorrection()
        var wall = ClockCorrection()
    }

    /// Opens the files of a folder that this process has claimed.
    /// - Throws: `RecordError` if a file cannot be read or written.
    package init(_ folder: RunFolder, incarnation: UInt64, minimum: LogLevel) throws {
        self.folder = folder
        self.incarnation = incarnation
        self.minimum = minimum
        try SystemFile.createFolder(folder.logs)
        let recovery = try LogRecovery(folder)
        marks = recovery.marks
        merged = recovery.merged
        for line in recovery.notes {
            write(.warning, "log-recovered", line)
        }
    }

    /// A record of the coordinator's own.
    ///
    /// A log that cannot be written must not end the training: the record waits, and if too many wait, a later one says
    /// how many were lost.
    package func write(_ level: LogLevel, _ event: String, _ message: String, fields: [String: LogValue] = [:]) {
        guard level >= minimum else { return }
        enqueue([own(level, event, message, fields)])
    }

    /// Records with the times of this host, those that a supervisor has made: they wait where they cannot be written.
    package func keep(_ records: [LogRecord]) {
        enqueue(records.map { $0.clipped() })
    }

    /// Records with the times of this host that somebody else keeps until they are written.
    /// - Returns: Whether they are.
    package func take(_ records: [LogRecord]) -> Bool {
        do {
            try append(records.map { $0.clipped() })
            return true
        } catch {
            failure = failure ?? "\(error)"
            return false
        }
    }

    /// Records that a worker sent.
    /// - Returns: Those that were not known, and up to where the stream is written: nil if it cannot be written now, and
    ///   the worker has to keep its records.
    package func take(
        _ batch: LogBatch, from worker: String
    ) -> (fresh: [LogRecord], acknowledgement: LogAcknowledgement?) {
        let stream = batch.stream(of: worker)
        let arrived = RunClock.now()
        clocks[worker]?.wall.observe(sent: batch.sentWallNanoseconds, arrived: arrived)
        clocks[worker]?.monotonic.observe(sent: batch.sentMonotonicNanoseconds, arrived: arrived)
        let fresh = batch.records.filter { $0.sequence > marks[stream] }.map { record in
            LogRecord(
                worker: worker, origin: stream.origin, incarnation: stream.incarnation, sequence: record.sequence,
                level: record.level.level, wallNanoseconds: corrected(record, stream),
                monotonicNanoseconds: record.monotonicNanoseconds, event: record.event, message: record.message,
                fields: [String: LogValue](jsonText: record.fieldsJSON)
                    // Programs of other hands may send what is no object of plain values: it is kept as it came.
                    ?? ["unreadable_fields": .text(record.fieldsJSON)])
        }
        do {
            try append(fresh)
            return (
                fresh,
                try LogAcknowledgement(
                    sequence: marks[stream], incarnation: stream.incarnation, origin: batch.origin)
            )
        } catch {
            failure = failure ?? "\(error)"
            return ([], nil)
        }
    }

    /// A worker's control link stands: from now on its clock is watched anew.
    package func linkEstablished(_ worker: String, incarnation: UInt64) {
        clocks[worker] = WorkerClock(incarnation: incarnation)
    }

    /// A worker told the time on its monotonic clock.
    package func heard(_ worker: String, monotonicNanoseconds: Int) {
        clocks[worker]?.monotonic.observe(sent: monotonicNanoseconds, arrived: RunClock.now())
    }

    // MARK: Writing

    private func own(
        _ level: LogLevel, _ event: String, _ message: String, _ fields: [String: LogValue]
    ) -> LogRecord {
        sequence += 1
        return LogRecord(
            worker: Self.ownName, incarnation: incarnation, sequence: sequence, level: level,
            wallNanoseconds: RunClock.now(), monotonicNanoseconds: Int(MonotonicClock.now().nanoseconds),
            event: event, message: message, fields: fields
        ).clipped()
    }

    /// When a record was made, on the coordinator's clock.
    ///
    /// The monotonic clock of the start whose link stands is the best witness; of an earlier start only its wall clock
    /// can be compared.
    private func corrected(_ record: LogBatch.Record, _ stream: LogStream) -> Int {
        let clock = clocks[stream.worker]
        if let clock, clock.incarnation == stream.incarnation, stream.origin == .process,
            let time = clock.monotonic.corrected(record.monotonicNanoseconds)
        {
            return time
        }
        return clock?.wall.corrected(record.wallNanoseconds) ?? record.wallNanoseconds
    }

    private func enqueue(_ records: [LogRecord]) {
        backlog += records
        if backlog.count > Self.backlogLimit {
            unwritten += backlog.count - Self.backlogLimit
            backlog.removeFirst(backlog.count - Self.backlogLimit)
        }
        do {
            try append(backlog)
            backlog = []
            guard unwritten > 0 || failure != nil else { return }
            backlog = [
                own(
                    .warning, "log-unwritten",
                    "the log could not be written for a while (\(failure ?? "")); \(unwritten) records were lost",
                    ["count": .integer(unwritten)])
            ]
            unwritten = 0
            failure = nil
            try append(backlog)
            backlog = []
        } catch {
            failure = failure ?? "\(error)"
        }
    }

    /// Writes those of the records that are not written yet, to both files or to none.
    private func append(_ records: [LogRecord]) throws {
        var marks = self.marks
        let fresh = records.filter { marks.take($0) }
        guard !fresh.isEmpty else { return }
        var grown: [(file: LineFile, byteCount: Int)] = []
        do {
            grown.append((merged, merged.byteCount))
            try merged.append(lines: fresh.map(\.jsonLine))
            for (worker, records) in Dictionary(grouping: fresh, by: \.worker).sorted(by: { $0.key < $1.key }) {
                let own = try files[worker] ?? LineFile(appendingTo: folder.log(ofWorker: worker))
                files[worker] = own
                grown.append((own, own.byteCount))
                try own.append(lines: records.map(\.jsonLine))
            }
        } catch {
            for (file, byteCount) in grown {
                do {
                    try file.cut(to: byteCount)
                } catch {
                    // The file remembers it, and cuts before it writes again.
                    failure = failure ?? "\(error)"
                }
            }
            throw error
        }
        self.marks = marks
        for record in fresh {
            recent.take(record)
        }
    }
}

/// The coordinator's clock for times of day: that of its start, carried on by the monotonic clock, so that it never goes
/// back.
enum RunClock {
    private static let start = (
        wall: Int(Date().timeIntervalSince1970 * 1e9), monotonic: Int(MonotonicClock.now().nanoseconds)
    )

    /// Nanoseconds since 1970.
    static func now() -> Int {
        start.wall + Int(MonotonicClock.now().nanoseconds) - start.monotonic
    }
}
