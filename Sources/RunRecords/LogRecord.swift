//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How much a log record matters.
package enum LogLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    case trace
    case debug
    case info
    case warning
    case error

    package static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.severity < right.severity
    }

    private var severity: Int {
        switch self {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .warning: 3
        case .error: 4
        }
    }
}

/// One value of a log record.
package enum LogValue: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case text(String)

    package init(stringLiteral text: String) { self = .text(text) }
    package init(integerLiteral number: Int) { self = .integer(number) }
    package init(floatLiteral number: Double) { self = .real(number) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
}

/// One event that a worker or the coordinator reports.
package struct LogRecord: Sendable, Hashable {
    /// Who reports: `coordinator`, or the worker's name.
    package var worker: String
    /// Whether the process itself wrote it, or who watches over it.
    package var origin: LogOrigin
    /// Which start of that process, or of the watch over it.
    package var incarnation: UInt64
    /// Counts the records of one stream, from 1.
    package var sequence: UInt64
    package var level: LogLevel
    /// The worker's wall clock, corrected to the coordinator's, in nanoseconds since 1970.
    package var wallNanoseconds: Int
    /// The worker's monotonic clock: compares within one incarnation only.
    package var monotonicNanoseconds: Int
    /// The kind of event, for programs.
    package var event: String
    /// The event in words, for people.
    package var message: String
    /// The event's values, for programs.
    package var fields: [String: LogValue]

    package init(
        worker: String, origin: LogOrigin = .process, incarnation: UInt64, sequence: UInt64, level: LogLevel,
        wallNanoseconds: Int,
        monotonicNanoseconds: Int, event: String, message: String, fields: [String: LogValue] = [:]
    ) {
        self.worker = worker
        self.origin = origin
        self.incarnation = incarnation
        self.sequence = sequence
        self.level = level
        self.wallNanoseconds = wallNanoseconds
        self.monotonicNanoseconds = monotonicNanoseconds
        self.event = event
        self.message = message
        self.fields = fields
    }

    /// The record as a terminal shows it: `03:04:05 warning worker-1: message`.
    package var plainLine: String {
        let label =
            switch (event, level) {
            case (LogEvents.stderr, _): " stderr"
            case (_, .info): ""
            default: " \(level.rawValue)"
            }
        let clock = Timestamp.clockText(nanoseconds: wallNanoseconds)
        return "\(clock)\(label) \(worker): \(DisplayText.line(message))"
    }
}
