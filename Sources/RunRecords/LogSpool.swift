//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation

/// The records of a process on its own disk, until the coordinator has them.
///
/// A folder holds the records of every start of one worker, and of who watches over it, each start in files of its own.
/// Whoever opens the folder next finds what a start before it could not deliver, and delivers that first. The spool is
/// bounded: when it is full its oldest file goes, and a record says which records went with it.
///
/// Not for two threads at a time; a start that another process still writes is left to that process.
package final class LogSpool {
    /// How much a spool holds.
    package struct Limits: Sendable, Hashable {
        /// The most that the folder's records take, in bytes.
        package var byteCount: Int
        /// The length at which a new file is begun, in bytes.
        package var segmentByteCount: Int

        package init(byteCount: Int = 16 << 20, segmentByteCount: Int = 256 << 10) {
            precondition(
                segmentByteCount > 0 && byteCount >= 4 * segmentByteCount,
                "a spool of \(byteCount) bytes in files of \(segmentByteCount)")
            self.byteCount = byteCount
            self.segmentByteCount = segmentByteCount
        }
    }

    /// What this process writes.
    package let stream: LogStream
    private let folder: String
    private let limits: Limits
    /// Those that others left, in the order of their starts, then our own.
    private var streams: [SpooledStream] = []
    private var locks: [LogStream: LineFile] = [:]
    private let own: SpooledStream
    private var file: LineFile?
    private var sequence: UInt64 = 0
    /// Records that could not be written, since the last one that could.
    private var unwritten = 0
    private var firstFailure: (any Error)?

    /// Opens a spool, or makes it.
    /// - Parameter takesLeft: Whether to deliver what starts before this one left: who has no link to the coordinator,
    ///   a supervisor on a worker's host, leaves that to the worker, which delivers what the supervisor has closed.
    /// - Throws: `RecordError`: the folder cannot be used, or somebody writes this very stream.
    package init(
        _ folder: String, stream: LogStream, takesLeft: Bool = true, limits: Limits = Limits()
    ) throws {
        self.folder = folder
        self.stream = stream
        self.limits = limits
        own = SpooledStream(stream, segments: [])
        try SystemFile.createFolder(folder)
        guard try lock(stream) else {
            throw RecordError(.locked, path: folder, "another process writes the records of \(stream)")
        }
        for left in takesLeft ? try leftStreams() : [] where left.stream != stream {
            if try lock(left.stream) {
                streams.append(left)
            }
        }
        streams.append(own)
    }

    /// Writes a record, with the next sequence of this stream.
    ///
    /// What cannot be written is counted, and the next record that can be is preceded by one that says so.
    package func write(
        _ level: LogLevel, _ event: String, _ message: String, fields: [String: LogValue] = [:], wallNanoseconds: Int,
        monotonicNanoseconds: Int
    ) {
        func record(_ level: LogLevel, _ event: String, _ message: String, _ fields: [String: LogValue]) -> LogRecord {
            LogRecord(
                worker: stream.worker, origin: stream.origin, incarnation: stream.incarnation, sequence: sequence + 1,
                level: level, wallNanoseconds: wallNanoseconds, monotonicNanoseconds: monotonicNanoseconds,
                event: event, message: message, fields: fields
            ).clipped()
        }
        do {
            if unwritten > 0 {
                try append(
                    record(
                        .warning, "log-unwritten",
                        "\(unwritten) records could not be written: \(firstFailure.map { "\($0)" } ?? "")",
                        ["count": .integer(unwritten)]))
                unwritten = 0
                firstFailure = nil
            }
            while let lost = makeRoom() {
                try append(
                    record(
                        .warning, LogEvents.overflow,
                        "\(lost.count) records of \(lost.stream) were dropped, from \(lost.first) to \(lost.last): "
                            + "the coordinator took none for so long that the spool is full",
                        [
                            "stream_origin": .text(lost.stream.origin.rawValue),
                            "stream_incarnation": .text(String(lost.stream.incarnation)),
                            "first": .text(String(lost.first)), "last": .text(String(lost.last)),
                        ]))
            }
            try append(record(level, event, message, fields))
        } catch {
            unwritten += 1
            firstFailure = firstFailure ?? error
        }
    }

    /// The next records of one stream that were not handed out since the last `rewind`; none where there are no more.
    package func next(limit: Int) throws -> (stream: LogStream, records: [LogRecord])? {
        for stream in streams {
            let records = try stream.next(limit: limit)
            if !records.isEmpty {
                return (stream.stream, records)
            }
            forgetIfDelivered(stream)
        }
        return nil
    }

    /// Everything that is not acknowledged is handed out again: after a link broke, or no acknowledgement came.
    package func rewind() {
        for stream in streams {
            stream.rewind()
        }
    }

    /// The coordinator's files have the records of a stream up to `sequence`.
    /// - Throws: `RecordError` if there are no such records, or a file that is of no use any more cannot be removed.
    package func acknowledge(_ acknowledged: LogStream, _ sequence: UInt64) throws {
        // An acknowledgement of what is delivered and gone may come twice.
        guard let stream = streams.first(where: { $0.stream == acknowledged }) else { return }
        guard sequence <= stream.last else {
            throw RecordError(
                .malformed, path: folder,
                "record \(sequence) of \(acknowledged) was acknowledged, but the last one is \(stream.last)")
        }
        for segment in stream.acknowledge(sequence) {
            if segment.path == file?.path {
                file = nil
            }
            try SystemFile.remove(segment.path)
        }
        forgetIfDelivered(stream)
    }

    /// How many records are handed out and not acknowledged.
    package var flyingCount: Int { streams.reduce(0) { $0 + $1.flying.count } }
    /// Whether the coordinator has everything.
    package var isDelivered: Bool { streams.allSatisfy(\.isDelivered) && unwritten == 0 }
    /// What the records take on the disk, in bytes.
    package var byteCount: Int { streams.reduce(0) { $0 + $1.byteCount } }

    // MARK: Files

    private func append(_ record: LogRecord) throws {
        if let current = own.segments.last, current.byteCount >= limits.segmentByteCount {
            file = nil
        }
        let open: LineFile
        if let file {
            open = file
        } else {
            let path = Self.path(in: folder, stream, first: record.sequence)
            open = try LineFile(path, keeping: 0)
            file = open
            own.begin(SpooledStream.Segment(path: path, first: record.sequence, last: 0, byteCount: 0))
        }
        try open.append(record.jsonLine)
        sequence = record.sequence
        own.wrote(sequence, byteCount: open.byteCount)
    }

    /// Drops the oldest file if the spool is full.
    /// - Returns: What was lost with it; nil if nothing was.
    private func makeRoom() -> (stream: LogStream, first: UInt64, last: UInt64, count: UInt64)? {
        // The file that is written to stays.
        while byteCount >= limits.byteCount,
            let oldest = streams.first(where: { $0.segments.count > ($0 === own ? 1 : 0) })
        {
            let (segment, lostCount) = oldest.dropOldest()
            do {
                try SystemFile.remove(segment.path)
            } catch {
                firstFailure = firstFailure ?? error
            }
            if lostCount > 0 {
                return (oldest.stream, segment.last - lostCount + 1, segment.last, lostCount)
            }
        }
        return nil
    }

    /// A stream that somebody left and that is delivered leaves nothing behind.
    private func forgetIfDelivered(_ stream: SpooledStream) {
        guard stream !== own, stream.isDelivered, stream.flying.isEmpty else { return }
        streams.removeAll { $0 === stream }
        locks[stream.stream] = nil
        do {
            for segment in stream.segments {
                try SystemFile.remove(segment.path)
            }
            try SystemFile.remove(Self.lockPath(in: folder, stream.stream))
        } catch {
            // It costs a second delivery of what the coordinator knows already.
            firstFailure = firstFailure ?? error
        }
    }

    private func lock(_ stream: LogStream) throws -> Bool {
        let file = try LineFile(appendingTo: Self.lockPath(in: folder, stream))
        guard try file.lock() else { return false }
        locks[stream] = file
        return true
    }

    private func leftStreams() throws -> [SpooledStream] {
        var segments: [LogStream: [SpooledStream.Segment]] = [:]
        for name in try RunFolder(folder).names() {
            if let left = locked(name) {
                // Who wrote nothing left its lock alone.
                segments[left, default: []] += []
            }
            guard name.hasSuffix(".jsonl") else { continue }
            let parts = name.dropLast(6).split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 3, let origin = LogOrigin(rawValue: String(parts[0])),
                let incarnation = UInt64(parts[1]), let first = UInt64(parts[2]), first > 0
            else { continue }
            let path = folder + "/" + name
            let bytes = try AtomicFile.read(path) ?? []
            var lines = LogLines(path)
            let left = LogStream(worker: stream.worker, origin: origin, incarnation: incarnation)
            let last = lines.take(bytes).filter { $0.stream == left }.map(\.sequence).max() ?? 0
            segments[left, default: []].append(
                SpooledStream.Segment(path: path, first: first, last: last, byteCount: bytes.count))
        }
        return segments.map { ($0.key, $0.value) }
            .sorted { ($0.0.incarnation, $0.0.origin.rawValue) < ($1.0.incarnation, $1.0.origin.rawValue) }
            .map { SpooledStream($0.0, segments: $0.1.sorted { $0.first < $1.first }) }
    }

    private static func path(in folder: String, _ stream: LogStream, first: UInt64) -> String {
        "\(folder)/\(stream.origin.rawValue)-\(stream.incarnation)-\(first).jsonl"
    }

    /// The stream whose lock a file of the folder is; nil for other files.
    private func locked(_ name: String) -> LogStream? {
        let parts = name.dropLast(5).split(separator: "-", omittingEmptySubsequences: false)
        guard name.hasSuffix(".lock"), parts.count == 2, let origin = LogOrigin(rawValue: String(parts[0])),
            let incarnation = UInt64(parts[1])
        else { return nil }
        return LogStream(worker: stream.worker, origin: origin, incarnation: incarnation)
    }

    private static func lockPath(in folder: String, _ stream: LogStream) -> String {
        "\(folder)/\(stream.origin.rawValue)-\(stream.incarnation).lock"
    }
}
