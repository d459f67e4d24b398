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
        case snapshot
        /// A worker's process is known to have ended; whether somebody starts it again.
        case workerEnded(String, reason: String, returns: Bool)
        /// Say farewell to everyone and end.
        case end(Farewell)
    }

    /// What the cluster tells the training.
    enum Answer {
        /// The first roster's links stand.
        case rosterReady
        case phaseBegan(digest: [UInt8])
        case stepDone(StepReport)
        case sumsDone([Int64])
        case predicted([Prediction])
        case generated([GeneratedText])
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
    /// Whether the run stands still until workers come.
    private var isWaiting = true
    private var isClosed = false

    package init() throws {
        wake = try WakeSignal()
    }

    package func submit(_ command: Command) {
        condition.withLock {
            switch command {
            case .workerEnded, .end: break
            case .beginPhase, .give, .snapshot:
                // Asked for before the training noticed that its state is lost.
                if failure != nil { return }
                // What the training asks for is bounded by its window; word of ended workers by their number.
                precondition(commands.count < Self.limit, "\(commands.count) commands wait for the cluster")
            }
            if !isClosed {
                commands.append(command)
            }
        }
        wake.fire()
    }

    /// The next command that has come.
    func nextCommand() -> Command? {
        condition.withLock { commands.isEmpty ? nil : commands.removeFirst() }
    }

    func deliver(_ answer: Answer) {
        condition.withLock {
            if case .failed(let failure) = answer {
                self.failure = failure
                answers = []
                commands.removeAll { command in
                    switch command {
                    case .beginPhase, .give, .snapshot: true
                    case .workerEnded, .end: false
                    }
                }
            } else {
                precondition(answers.count < Self.limit, "\(answers.count) answers wait for the training")
                answers.append(answer)
            }
            condition.broadcast()
        }
    }

    /// Says whether the run stands still until workers come.
    func setWaiting(_ isWaiting: Bool) {
        condition.withLock { self.isWaiting = isWaiting }
    }

    /// The training begins again, from its last checkpoint, after its state was lost.
    func restart() {
        condition.withLock {
            precondition(failure?.code == .stateLost, "a run begins again that has not lost its state")
            failure = nil
        }
    }

    /// Nobody takes commands any more.
    func close() {
        condition.withLock {
            isClosed = true
            commands = []
        }
    }

    /// Waits for the next answer.
    ///
    /// The cluster's own deadlines bound the wait: whatever does not come in time becomes a failure there, and a
    /// failure is an answer. The user's wish to stop is not waited out where nobody computes.
    /// - Throws: `RunFailure`, from then on always, or until `restart`; `ClusterError` with `.stopped`.
    func nextAnswer(_ stop: StopRequest) throws -> Answer {
        try condition.withLock {
            while answers.isEmpty, failure == nil {
                if isWaiting, stop.isRequested {
                    throw ClusterError(code: .stopped, message: "the user stopped the run while it waited for workers")
                }
                _ = condition.wait(until: Date(timeIntervalSinceNow: 0.2))
            }
            if let failure { throw failure }
            return answers.removeFirst()
        }
    }
}
