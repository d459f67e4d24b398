//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Wire

/// How much a record matters.
package enum LogSeverity: Int, Comparable, Sendable {
    case debug, info, warning, error

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Where the coordinator's own records and those of its workers go.
protocol RunLog: AnyObject {
    /// A record of the coordinator's own.
    func write(_ severity: LogSeverity, _ event: String, _ message: String)
    /// Records that a worker sent; they count as written when this returns.
    func take(_ batch: LogBatch, from worker: String)
}
