//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Log records of several processes in one order.
package enum LogOrder {
    /// The records by time, those of one worker in the order in which they came.
    ///
    /// Clocks of machines differ and are set back; a worker's own order is a fact. So a record counts as no earlier
    /// than those of its worker before it, and of equal times the one that came first goes first.
    package static func sorted(_ records: [LogRecord]) -> [LogRecord] {
        var times = LogTimes()
        return sorted(records.map { (times.time(of: $0), $0) })
    }

    /// The records by the times beside them, equal times in the order in which they came.
    package static func sorted(_ timed: [(time: Int, record: LogRecord)]) -> [LogRecord] {
        timed.indices.sorted { (timed[$0].time, $0) < (timed[$1].time, $1) }.map { timed[$0].record }
    }
}

/// The times by which records are sorted: those in the records, but never before an earlier record of the same worker
/// and the same writer.
///
/// What a supervisor reports of a worker is another writer's: the two are put in order by their times.
package struct LogTimes: Sendable {
    private struct Writer: Hashable {
        let worker: String
        let origin: LogOrigin
    }

    private var latest: [Writer: Int] = [:]

    package init() {}

    /// The time of the next record in the order of arrival.
    package mutating func time(of record: LogRecord) -> Int {
        let writer = Writer(worker: record.worker, origin: record.origin)
        let time = max(record.wallNanoseconds, latest[writer] ?? Int.min)
        latest[writer] = time
        return time
    }
}

/// Records of a run that is under way, in one order: each waits a moment for those that are on their way and belong
/// before it.
///
/// What comes later than that is not held back any more: it goes out at once. Nothing of one worker is ever reordered.
package struct LogFollower: Sendable {
    private var times = LogTimes()
    private var held: [(due: Int, time: Int, record: LogRecord)] = []
    private let patience: Int

    /// - Parameters:
    ///   - times: of the records that were shown before.
    ///   - patience: How long a record waits, in nanoseconds.
    package init(after times: LogTimes = LogTimes(), patience: Int = 1_000_000_000) {
        self.times = times
        self.patience = patience
    }

    /// Takes records as they come.
    /// - Parameter now: the reader's clock, in nanoseconds; it never goes back.
    package mutating func take(_ records: [LogRecord], at now: Int) {
        held += records.map { (now + patience, times.time(of: $0), $0) }
    }

    /// What is due, in order.
    package mutating func due(at now: Int) -> [LogRecord] {
        guard let latest = held.filter({ $0.due <= now }).map(\.time).max() else { return [] }
        // Who waits shorter but belongs before one that is due goes with it.
        let ready = held.filter { $0.time <= latest }
        held.removeAll { $0.time <= latest }
        return LogOrder.sorted(ready.map { ($0.time, $0.record) })
    }
}
