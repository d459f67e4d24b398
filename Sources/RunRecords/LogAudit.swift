//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Whether the log of a run has every record exactly once.
///
/// A value: the records of the merged file come in, in its order, and what is wrong with them comes out. A gap in the
/// numbers of a stream is right where a record says that its spool was full and dropped just those.
package struct LogAudit: Sendable {
    private var last: [LogStream: UInt64] = [:]
    /// Numbers that did not come in their order, by stream, as long as nothing explains them.
    private var gaps: [LogStream: [ClosedRange<UInt64>]] = [:]
    private var dropped: [LogStream: [ClosedRange<UInt64>]] = [:]
    private var repeated: [String] = []
    private var waiting: [LogStream: UInt64] = [:]
    /// How many records there are.
    package private(set) var recordCount = 0

    package init() {}

    /// How many starts of processes, and of who watches over them, have written.
    package var streamCount: Int { last.count }

    /// Takes the next record of the merged file.
    package mutating func take(_ record: LogRecord) {
        recordCount += 1
        let stream = record.stream
        let before = last[stream] ?? 0
        if record.sequence <= before {
            repeated.append("record \(record.sequence) of \(stream) comes after record \(before)")
        } else {
            if record.sequence > before + 1 {
                gaps[stream, default: []].append((before + 1)...(record.sequence - 1))
            }
            last[stream] = record.sequence
        }
        if record.event == LogEvents.overflow, let (lost, numbers) = Self.overflow(record) {
            dropped[lost, default: []].append(numbers)
        }
    }

    /// Takes a record that lies in a spool: the merged file has to have it.
    package mutating func takeSpooled(_ record: LogRecord) {
        waiting[record.stream] = max(waiting[record.stream] ?? 0, record.sequence)
    }

    /// What is wrong, in words; empty where every record is there exactly once.
    package var problems: [String] {
        var problems = repeated
        for (stream, gaps) in gaps.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            for gap in gaps {
                // Every number of the gap has to be in one of the ranges that were dropped.
                var next = gap.lowerBound
                for range in (dropped[stream] ?? []).sorted(by: { $0.lowerBound < $1.lowerBound })
                where range.contains(next) {
                    next = range.upperBound == .max ? .max : range.upperBound + 1
                }
                if next <= gap.upperBound {
                    problems.append("records \(next) to \(gap.upperBound) of \(stream) are missing")
                }
            }
        }
        for (stream, sequence) in waiting.sorted(by: { "\($0.key)" < "\($1.key)" }) where sequence > last[stream] ?? 0 {
            problems.append(
                "records \((last[stream] ?? 0) + 1) to \(sequence) of \(stream) are in a spool and not in the log")
        }
        return problems
    }

    /// What a record says to have been dropped.
    private static func overflow(_ record: LogRecord) -> (LogStream, ClosedRange<UInt64>)? {
        guard case .text(let origin)? = record.fields["stream_origin"], let origin = LogOrigin(rawValue: origin),
            case .text(let incarnation)? = record.fields["stream_incarnation"], let incarnation = UInt64(incarnation),
            case .text(let first)? = record.fields["first"], let first = UInt64(first),
            case .text(let last)? = record.fields["last"], let last = UInt64(last), first <= last
        else { return nil }
        return (LogStream(worker: record.worker, origin: origin, incarnation: incarnation), first...last)
    }
}
