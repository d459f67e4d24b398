//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Who wrote a record of a process.
package enum LogOrigin: String, Sendable, Hashable, CaseIterable {
    /// The process itself.
    case process
    /// Whoever watches over the process: what it wrote to stderr, and how it ended.
    case supervisor
}

/// The records of one start of one process by one writer: what sequence numbers count.
package struct LogStream: Sendable, Hashable, CustomStringConvertible {
    package let worker: String
    package let origin: LogOrigin
    package let incarnation: UInt64

    package init(worker: String, origin: LogOrigin, incarnation: UInt64) {
        self.worker = worker
        self.origin = origin
        self.incarnation = incarnation
    }

    package var description: String {
        "\(worker), start \(incarnation)" + (origin == .process ? "" : ", by its \(origin.rawValue)")
    }
}

extension LogRecord {
    /// Which stream's sequence it has its number in.
    package var stream: LogStream {
        LogStream(worker: worker, origin: origin, incarnation: incarnation)
    }
}

/// What is written already: of each stream the highest sequence, since records of a stream come in its order.
package struct LogMarks: Sendable, Hashable {
    private var written: [LogStream: UInt64] = [:]

    package init() {}

    /// Whether a record is not written yet.
    package func isNew(_ record: LogRecord) -> Bool {
        record.sequence > self[record.stream]
    }

    /// The highest sequence of a stream that is written; 0 where none is.
    package subscript(stream: LogStream) -> UInt64 {
        written[stream] ?? 0
    }

    /// Counts a record as written.
    /// - Returns: Whether it was not before.
    @discardableResult
    package mutating func take(_ record: LogRecord) -> Bool {
        guard isNew(record) else { return false }
        written[record.stream] = record.sequence
        return true
    }
}
