//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation

/// The records of one stream in the files of a spool, and how far they are sent and acknowledged.
///
/// A stream lies in segments, files that are named after their first sequence; a segment is removed when all of it is
/// acknowledged. What is handed out to be sent stays until then, and `rewind` hands it out again.
final class SpooledStream {
    /// A file of the stream.
    struct Segment {
        let path: String
        var first: UInt64
        /// The last sequence in it; below `first` while it is empty.
        var last: UInt64
        var byteCount: Int
    }

    /// Where the reading is.
    private struct Cursor {
        /// The first sequence of its segment.
        let segment: UInt64
        var offset: Int
        var lines: LogLines
    }

    private static let readSize = 64 << 10

    let stream: LogStream
    private(set) var segments: [Segment]
    /// The highest sequence that the coordinator has written.
    private(set) var acknowledged: UInt64 = 0
    /// The sequences that are sent and not acknowledged, ascending.
    private(set) var flying: [UInt64] = []
    /// Lines that are no records of this stream.
    private(set) var damagedCount = 0
    private var sent: UInt64 = 0
    private var cursor: Cursor?
    /// Read and not yet handed out.
    private var ready: ArraySlice<LogRecord> = []

    init(_ stream: LogStream, segments: [Segment]) {
        self.stream = stream
        self.segments = segments
    }

    var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }
    /// The highest sequence that is or was in it.
    var last: UInt64 { max(acknowledged, segments.map(\.last).max() ?? 0) }
    /// Whether all of it is acknowledged.
    var isDelivered: Bool { acknowledged >= last }

    /// A new file at the end, for the records from `first` on.
    func begin(_ segment: Segment) {
        segments.append(segment)
    }

    /// Counts a record that was written to the last file.
    func wrote(_ sequence: UInt64, byteCount: Int) {
        segments[segments.count - 1].last = sequence
        segments[segments.count - 1].byteCount = byteCount
    }

    /// Records that were not sent since the last `rewind`, in order.
    func next(limit: Int) throws -> [LogRecord] {
        var records: [LogRecord] = []
        while records.count < limit {
            if let record = ready.popFirst() {
                // A rewound file is read from its start, and a damaged one may repeat itself.
                guard record.sequence > max(sent, acknowledged) else { continue }
                sent = record.sequence
                flying.append(record.sequence)
                records.append(record)
            } else if try !read() {
                break
            }
        }
        return records
    }

    /// What is not acknowledged is to be sent again.
    func rewind() {
        flying = []
        sent = acknowledged
        ready = []
        cursor = nil
    }

    /// The coordinator has everything up to `sequence`.
    /// - Returns: The files that are of no use any more.
    func acknowledge(_ sequence: UInt64) -> [Segment] {
        guard sequence > acknowledged else { return [] }
        acknowledged = sequence
        flying.removeAll { $0 <= sequence }
        let done = segments.filter { $0.last >= $0.first && $0.last <= sequence }
        segments.removeAll { $0.last >= $0.first && $0.last <= sequence }
        return done
    }

    /// Takes the oldest file out.
    /// - Returns: The file, and how many of its records are not acknowledged, by their numbers.
    func dropOldest() -> (segment: Segment, lostCount: UInt64) {
        let segment = segments.removeFirst()
        ready = ready.filter { $0.sequence > segment.last }[...]
        let start = max(segment.first, acknowledged + 1)
        return (segment, segment.last >= start ? segment.last - start + 1 : 0)
    }

    /// Reads on in the files.
    /// - Returns: Whether there was anything.
    private func read() throws -> Bool {
        while true {
            // The file of the cursor may be gone: acknowledged, or dropped.
            let wanted = cursor?.segment ?? 0
            guard let segment = segments.first(where: { $0.first >= wanted }) else { return false }
            var here =
                cursor.flatMap { $0.segment == segment.first ? $0 : nil }
                ?? Cursor(segment: segment.first, offset: 0, lines: LogLines(segment.path))
            let bytes = try SystemFile.bytes(of: segment.path, from: here.offset, count: Self.readSize)
            if bytes.isEmpty {
                cursor = here
                guard let following = segments.first(where: { $0.first > segment.first }) else { return false }
                cursor = Cursor(segment: following.first, offset: 0, lines: LogLines(following.path))
                continue
            }
            here.offset += bytes.count
            let damagedBefore = here.lines.damagedCount
            let records = here.lines.take(bytes)
            damagedCount += here.lines.damagedCount - damagedBefore
            cursor = here
            ready = records.filter { $0.stream == stream }[...]
            return true
        }
    }
}
