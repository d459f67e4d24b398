//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import RunRecords
import SecureTransport
import Wire

/// A worker's log records on their way to the coordinator.
///
/// They wait here until the coordinator says that they are written. The queue is bounded: when it is full the oldest
/// records go, and a record says how many.
///
/// `@unchecked Sendable`: all mutable state is behind `lock`.
final class WorkerLog: @unchecked Sendable {
    private static let limit = 4096
    private static let batchSize = 128

    private let lock = NSLock()
    private var least = LogLevel.info
    private var waiting: [LogBatch.Record] = []
    private var sequence: UInt64 = 0
    /// The highest sequence that was handed out to be sent.
    private var sentUpTo: UInt64 = 0
    private var dropped = 0

    /// The least level of the records that are kept.
    var minimum: LogLevel {
        get { lock.withLock { least } }
        set { lock.withLock { least = newValue } }
    }

    func write(_ level: LogLevel, _ event: String, _ message: String) {
        lock.withLock {
            guard level >= least else { return }
            if waiting.count >= Self.limit {
                waiting.removeFirst(Self.limit / 4)
                dropped += Self.limit / 4
                append(.warning, "log-overflow", "\(dropped) records were dropped: the coordinator takes none")
            }
            append(level, event, message)
        }
    }

    /// What is to be sent now, each record once.
    func takeBatches() -> [ControlMessage] {
        lock.withLock {
            let fresh = waiting.filter { $0.sequence > sentUpTo }
            sentUpTo = fresh.last?.sequence ?? sentUpTo
            return stride(from: 0, to: fresh.count, by: Self.batchSize).compactMap { start in
                try? .logBatch(LogBatch(records: Array(fresh[start..<min(start + Self.batchSize, fresh.count)])))
            }
        }
    }

    /// Records up to `sequence` are in the coordinator's files.
    func acknowledged(_ sequence: UInt64) {
        lock.withLock { waiting.removeAll { $0.sequence <= sequence } }
    }

    private func append(_ level: LogLevel, _ event: String, _ message: String) {
        sequence += 1
        let wireLevel: LogBatch.Level =
            switch level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        let text = String(decoding: message.utf8.prefix(4096), as: UTF8.self)
        if let record = try? LogBatch.Record(
            sequence: sequence, level: wireLevel,
            monotonicNanoseconds: Int(MonotonicClock.now().nanoseconds),
            wallNanoseconds: Int(Date().timeIntervalSince1970 * 1e9), event: event, message: text, fieldsJSON: "")
        {
            waiting.append(record)
        }
    }
}
