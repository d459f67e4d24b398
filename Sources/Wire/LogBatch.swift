//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CWireMessages

/// Worker to coordinator: log records in the order in which they were made.
package struct LogBatch: WireMessage {
    /// How much a record matters.
    ///
    /// The raw values are those of proto/.
    package enum Level: UInt32, CaseIterable, Sendable {
        case trace = 1
        case debug = 2
        case info = 3
        case warning = 4
        case error = 5
    }

    /// Who wrote records of a worker.
    ///
    /// The raw values are those of proto/.
    package enum Origin: UInt32, CaseIterable, Sendable {
        case process = 1
        case supervisor = 2
    }

    /// One record.
    package struct Record: Hashable, Sendable {
        /// The longest message, in bytes of UTF-8.
        package static let maximumMessageByteCount = 8192
        /// The longest JSON text of values, in bytes of UTF-8.
        package static let maximumFieldsByteCount = 16384

        /// Counts the records of one stream (worker, origin, incarnation), from 1.
        package let sequence: UInt64
        package let level: Level
        /// The worker's monotonic clock, in nanoseconds.
        package let monotonicNanoseconds: Int
        /// The worker's wall clock, in nanoseconds since 1970.
        package let wallNanoseconds: Int
        /// The kind of event, for programs.
        package let event: String
        /// The record for people.
        package let message: String
        /// The event's values as one JSON object, or empty.
        ///
        /// Its reader checks the JSON.
        package let fieldsJSON: String

        /// - Throws: `WireError` with `badField` for a field out of the range that proto/ states.
        package init(
            sequence: UInt64, level: Level, monotonicNanoseconds: Int, wallNanoseconds: Int, event: String,
            message: String, fieldsJSON: String
        ) throws(WireError) {
            let check = FieldChecks("LogRecord")
            try check.integer("sequence", sequence, 1...UInt64.max)
            try check.nanoseconds("monotonic_ns", monotonicNanoseconds)
            try check.nanoseconds("wall_ns", wallNanoseconds)
            try check.name("event", event, 1...128)
            try check.text("message", message, 0...Self.maximumMessageByteCount)
            try check.text("fields_json", fieldsJSON, 0...Self.maximumFieldsByteCount)
            self.sequence = sequence
            self.level = level
            self.monotonicNanoseconds = monotonicNanoseconds
            self.wallNanoseconds = wallNanoseconds
            self.event = event
            self.message = message
            self.fieldsJSON = fieldsJSON
        }

        /// How much of `maximumTextByteCount` it takes, in bytes.
        package var textByteCount: Int {
            event.utf8.count + message.utf8.count + fieldsJSON.utf8.count
        }
    }

    static let kind = FrameKind.logBatch
    /// The most records of one batch.
    package static let maximumRecords = 256
    /// The most text of one batch over all records, in bytes of UTF-8.
    package static let maximumTextByteCount = 768 << 10

    /// Ascending by sequence.
    package let records: [Record]
    /// Which start of the worker wrote them: this one, or an earlier one that ended before it was rid of them.
    package let incarnation: UInt64
    package let origin: Origin
    /// The worker's monotonic clock when the batch was made, in nanoseconds.
    package let sentMonotonicNanoseconds: Int
    /// The worker's wall clock when the batch was made, in nanoseconds since 1970.
    package let sentWallNanoseconds: Int

    /// - Throws: `WireError` with `badField` for no records, too many, too much text, sequences that do not ascend, or a
    ///   field out of the range that proto/ states.
    package init(
        records: [Record], incarnation: UInt64, origin: Origin = .process, sentMonotonicNanoseconds: Int,
        sentWallNanoseconds: Int
    ) throws(WireError) {
        let check = FieldChecks("LogBatch")
        try check.integer("incarnation", incarnation, 1...UInt64.max)
        try check.nanoseconds("sent_monotonic_ns", sentMonotonicNanoseconds)
        try check.nanoseconds("sent_wall_ns", sentWallNanoseconds)
        try check.count("records", records.count, 1...Self.maximumRecords)
        for (before, after) in zip(records, records.dropFirst()) where after.sequence <= before.sequence {
            throw check.error("records", "sequence \(after.sequence) after \(before.sequence)")
        }
        let text = records.reduce(0) { $0 + $1.textByteCount }
        guard text <= Self.maximumTextByteCount else {
            throw check.error("records", "expected at most \(Self.maximumTextByteCount) bytes of text, found \(text)")
        }
        self.records = records
        self.incarnation = incarnation
        self.origin = origin
        self.sentMonotonicNanoseconds = sentMonotonicNanoseconds
        self.sentWallNanoseconds = sentWallNanoseconds
    }

    init(_ message: CLogBatch, raw: [UInt8]) throws(WireError) {
        let check = FieldChecks("LogBatch")
        let records = try check.decodeMessages("records", message.records, message.n_records) {
            record throws(WireError) in
            let check = FieldChecks("LogRecord")
            guard let level = Level(rawValue: UInt32(record.level.rawValue)) else {
                throw check.error("level", "no level has number \(record.level.rawValue)")
            }
            return try Record(
                sequence: record.sequence,
                level: level,
                monotonicNanoseconds: check.decodeInteger("monotonic_ns", record.monotonic_ns),
                wallNanoseconds: check.decodeInteger("wall_ns", record.wall_ns),
                event: check.decodeText("event", record.event),
                message: check.decodeText("message", record.message),
                fieldsJSON: check.decodeText("fields_json", record.fields_json))
        }
        try self.init(
            records: records,
            incarnation: message.incarnation,
            origin: Origin(message.origin, of: check),
            sentMonotonicNanoseconds: check.decodeInteger("sent_monotonic_ns", message.sent_monotonic_ns),
            sentWallNanoseconds: check.decodeInteger("sent_wall_ns", message.sent_wall_ns))
    }

    func generated(_ arena: EncodingArena) -> CLogBatch {
        var message = CLogBatch.prepared()
        message.n_records = records.count
        message.records = arena.messages(
            records.map { record in
                var message = CLogRecord.prepared()
                message.sequence = record.sequence
                message.level = .init(rawValue: .init(record.level.rawValue))
                message.monotonic_ns = UInt64(record.monotonicNanoseconds)
                message.wall_ns = UInt64(record.wallNanoseconds)
                message.event = arena.text(record.event)
                message.message = arena.text(record.message)
                message.fields_json = arena.text(record.fieldsJSON)
                return message
            })
        message.incarnation = incarnation
        message.origin = origin.generated
        message.sent_monotonic_ns = UInt64(sentMonotonicNanoseconds)
        message.sent_wall_ns = UInt64(sentWallNanoseconds)
        return message
    }
}

extension LogBatch.Origin {
    fileprivate init(_ origin: Loradrop__Wire__V1__LogOrigin, of check: FieldChecks) throws(WireError) {
        guard let known = Self(rawValue: UInt32(origin.rawValue)) else {
            throw check.error("origin", "no origin has number \(origin.rawValue)")
        }
        self = known
    }

    fileprivate var generated: Loradrop__Wire__V1__LogOrigin { .init(rawValue: .init(rawValue)) }
}

/// Coordinator to worker: records of a stream up to this one are written; the worker may forget them.
package struct LogAcknowledgement: WireMessage {
    static let kind = FrameKind.logAcknowledgement

    /// The highest sequence written.
    package let sequence: UInt64
    /// Which start of the worker wrote them.
    package let incarnation: UInt64
    package let origin: LogBatch.Origin

    /// - Throws: `WireError` with `badField` for 0.
    package init(sequence: UInt64, incarnation: UInt64, origin: LogBatch.Origin = .process) throws(WireError) {
        let check = FieldChecks("LogAcknowledgement")
        try check.integer("sequence", sequence, 1...UInt64.max)
        try check.integer("incarnation", incarnation, 1...UInt64.max)
        self.sequence = sequence
        self.incarnation = incarnation
        self.origin = origin
    }

    init(_ message: CLogAcknowledgement, raw: [UInt8]) throws(WireError) {
        try self.init(
            sequence: message.sequence, incarnation: message.incarnation,
            origin: LogBatch.Origin(message.origin, of: FieldChecks("LogAcknowledgement")))
    }

    func generated(_ arena: EncodingArena) -> CLogAcknowledgement {
        var message = CLogAcknowledgement.prepared()
        message.sequence = sequence
        message.incarnation = incarnation
        message.origin = origin.generated
        return message
    }
}
