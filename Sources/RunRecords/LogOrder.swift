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
        var latest: [String: Int] = [:]
        let times = records.map { record in
            let time = max(record.wallNanoseconds, latest[record.worker] ?? Int.min)
            latest[record.worker] = time
            return time
        }
        return records.indices.sorted { (times[$0], $0) < (times[$1], $1) }.map { records[$0] }
    }
}
