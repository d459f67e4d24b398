//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import RunRecords
package import SecureTransport
package import Wire

// Between log records as values and log records as messages.

extension LogBatch {
    /// Records of one stream in as few batches as the limits of a message allow.
    /// - Precondition: the records are of `stream` and within `LogRecord.Limits`, which those of a spool are.
    package static func batches(
        _ records: [LogRecord], of stream: LogStream, at now: MonotonicInstant
    ) throws(WireError) -> [LogBatch] {
        var parts: [[Record]] = []
        var textByteCount = 0
        for record in records {
            // A file may have been changed by other hands.
            let converted = try Record(record.clipped())
            textByteCount += converted.textByteCount
            if parts.isEmpty || textByteCount > maximumTextByteCount || parts[parts.count - 1].count >= maximumRecords {
                parts.append([])
                textByteCount = converted.textByteCount
            }
            parts[parts.count - 1].append(converted)
        }
        let wall = Int(max(0, Date().timeIntervalSince1970) * 1e9)
        return try parts.map { part throws(WireError) in
            try LogBatch(
                records: part, incarnation: stream.incarnation, origin: Origin(stream.origin),
                sentMonotonicNanoseconds: Int(now.nanoseconds), sentWallNanoseconds: wall)
        }
    }

    /// The stream that the records are of.
    package func stream(of worker: String) -> LogStream {
        LogStream(worker: worker, origin: origin.logOrigin, incarnation: incarnation)
    }
}

extension LogBatch.Record {
    init(_ record: LogRecord) throws(WireError) {
        try self.init(
            sequence: record.sequence, level: LogBatch.Level(record.level),
            monotonicNanoseconds: record.monotonicNanoseconds, wallNanoseconds: record.wallNanoseconds,
            event: record.event, message: record.message,
            fieldsJSON: record.fields.isEmpty ? "" : record.fields.jsonText)
    }
}

extension LogBatch.Origin {
    init(_ origin: LogOrigin) {
        self =
            switch origin {
            case .process: .process
            case .supervisor: .supervisor
            }
    }

    var logOrigin: LogOrigin {
        switch self {
        case .process: .process
        case .supervisor: .supervisor
        }
    }
}

extension LogBatch.Level {
    init(_ level: LogLevel) {
        self =
            switch level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
    }

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
