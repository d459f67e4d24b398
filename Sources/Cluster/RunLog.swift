//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Coordination
import RunConfiguration
package import RunRecords
package import Wire

/// Where the coordinator's own records and those of its workers go.
package protocol RunLog: AnyObject {
    /// A record of the coordinator's own.
    func write(_ severity: LogLevel, _ event: String, _ message: String)
    /// Records that a worker sent.
    /// - Returns: What the worker may forget, because it is in the files; nil if it could not be written.
    func take(_ batch: LogBatch, from worker: String) -> LogAcknowledgement?
    /// A worker has introduced itself on a new control link.
    func linkEstablished(_ worker: String, _ hello: Hello)
    /// A worker's heartbeat has come.
    func heard(_ heartbeat: Heartbeat, from worker: String)
    /// The run is given up for this reason, while its workers stood there.
    func failing(_ failure: RunFailure, _ standings: [FailureCard.Standing])
    /// A roster's links stand.
    func rosterReady(_ roster: Coordination.Roster)
}

extension LogLevel {
    /// The level of `log.level`.
    init(_ threshold: LogThreshold) {
        self =
            switch threshold {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
    }
}
