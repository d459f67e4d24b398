//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Coordination
import Foundation
import SecureTransport
package import Training
package import Wire

/// Between the thread that runs the training and the thread that owns the sockets: commands one way, answers the other.
///
/// `@unchecked Sendable`: all mutable state is behind `condition`.
package final class RunBridge: @unchecked Sendable {
    /// What the training wants of the cluster.
    package enum Command {
        case beginPhase(PhaseStart)
        case give(Work, StepWork)
        case snapshot(step: Int)
        /// A worker's process is known to have ended.
        case workerEnded(String, reason: String)
        /// Say farewell to everyone and end.
        case end(Farewell)
    }

    /// What the cluster tells the training.
    enum Answer {
        case rosterReady(Coordination.Roster)
        case phaseBegan(digest: [UInt8])
        case stepDone(StepReport)
        case sumsDone([Int64])
        case predicted([Prediction])
        case snapshot(Snapshot)
        case failed(RunFailure)
    }

    /// Commands and answers that may wait: the training is at most two steps ahead of the cluster.
    private static let limit = 64

    let wake: WakeSignal
    private let condition = NSCondition()
    private var commands: [Command] = []
    private var answers: [Answer] = []
    private var failure: RunFailure?
    private var isClosed = false

    package init() throws {
        wake = try WakeSignal()
    }

    package func submit(_ command: Command) {
        condition.withLock {
            // What the training asks for is bounded by its window; word of ended workers by their number.
            if case .workerEnded = command {
            } else {
                precondition(commands.count < Self.limit, "\(commands.count) commands wait for the cluster")
            }
            if !isClosed {
                commands.append(command)
            }
        }
        wake.fire()
    }

    /// The commands that have come since the last time.
    func takeCommands() -> [Command] {
        condition.withLock {
            defer { commands = [] }
            return commands
        }
    }

    func deliver(_ answer: Answer) {
        condition.withLock {
            if case .failed(let failure) = answer {
                self.failure = failure
            } else {
                precondition(answers.count < Self.limit, "\(answers.count) answers wait for the training")
                answers.append(answer)
            }
            condition.broadcast()
        }
    }

    /// Nobody takes commands any more.
    func close() {
        condition.withLock {
            isClosed = true
            commands = []
        }
    }

    /// Waits for the roster, or for the user's wish to stop, which nothing else notices before there is work.
    /// - Returns: Nil if the user stopped the run.
    /// - Throws: `RunFailure`; `ClusterError` if the cluster answers something else.
    func awaitRoster(_ stop: StopRequest) throws -> Coordination.Roster? {
        try condition.withLock {
            while answers.isEmpty, failure == nil {
                if stop.isRequested { return nil }
                _ = condition.wait(until: Date(timeIntervalSinceNow: 0.2))
            }
            if let failure { throw failure }
            guard case .rosterReady(let roster) = answers.removeFirst() else {
                throw ClusterError(
                    code: .unexpectedMessage, message: "the cluster answered before its roster was ready")
            }
            return roster
        }
    }

    /// Waits for the next answer.
    ///
    /// The cluster's own deadlines bound the wait: whatever does not come in time becomes a failure there, and a
    /// failure is an answer.
    /// - Throws: `RunFailure`, from then on always.
    func nextAnswer() throws -> Answer {
        try condition.withLock {
            while answers.isEmpty, failure == nil {
                condition.wait()
            }
            if let failure { throw failure }
            return answers.removeFirst()
        }
    }
}
