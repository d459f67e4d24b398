//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import RunRecords
import SecureTransport
package import Wire

/// The log files of a run: one for each process, and one with all records in the order of their arrival.
///
/// One thread at a time uses it.
package final class LogFiles {
    private static let ownName = "coordinator"

    private let folder: RunFolder
    private let incarnation: UInt64
    private let minimum: LogLevel
    private let merged: LineFile
    private var files: [String: LineFile] = [:]
    private var sequence: UInt64 = 0
    /// The highest sequence that is written, by worker: a record that comes again after a broken link is known.
    private var written: [String: UInt64] = [:]

    package init(_ folder: RunFolder, incarnation: UInt64, minimum: LogLevel) throws {
        self.folder = folder
        self.incarnation = incarnation
        self.minimum = minimum
        try RunFolder.create(folder.logs)
        merged = try LineFile(appendingTo: folder.mergedLog)
    }

    /// A record of the coordinator's own.
    ///
    /// A log that cannot be written must not end the training: the failure is shown by the next record that can.
    package func write(_ level: LogLevel, _ event: String, _ message: String, fields: [String: LogValue] = [:]) {
        guard level >= minimum else { return }
        sequence += 1
        append(
            LogRecord(
                worker: Self.ownName, incarnation: incarnation, sequence: sequence, level: level,
                wallNanoseconds: Self.wallNanoseconds(),
                monotonicNanoseconds: Int(MonotonicClock.now().nanoseconds), event: event, message: message,
                fields: fields))
    }

    /// Records that a worker sent.
    package func take(_ batch: LogBatch, from worker: String) {
        for record in batch.records where record.sequence > written[worker] ?? 0 {
            written[worker] = record.sequence
            append(
                LogRecord(
                    worker: worker, incarnation: incarnation, sequence: record.sequence, level: record.level.level,
                    wallNanoseconds: record.wallNanoseconds, monotonicNanoseconds: record.monotonicNanoseconds,
                    event: record.event, message: record.message))
        }
    }

    static func wallNanoseconds() -> Int { Int(Date().timeIntervalSince1970 * 1e9) }

    private func append(_ record: LogRecord) {
        do {
            let line = record.jsonLine
            try merged.append(line)
            let own = try files[record.worker] ?? LineFile(appendingTo: folder.log(ofWorker: record.worker))
            files[record.worker] = own
            try own.append(line)
        } catch {
            failure = failure ?? "\(error)"
        }
    }

    /// What kept the first lost record from being written; nil while none was lost.
    package private(set) var failure: String?
}

extension LogBatch.Level {
    var level: LogLevel {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
