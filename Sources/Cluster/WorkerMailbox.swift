//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Wire

/// Between a worker's thread for the control link and its thread that computes: tasks one way, messages the other.
///
/// `@unchecked Sendable`: all mutable state is behind `condition`.
final class WorkerMailbox: @unchecked Sendable {
    /// What the coordinator wants done; done in order.
    enum Task {
        case formLinks(Roster)
        case beginPhase(PhaseStart)
        case compute(ShardAssignment)
        case snapshot(SnapshotRequest)
    }

    /// How far the computing is, for heartbeats.
    struct Progress {
        var work: WorkKind?
        var step = 0
        var shardsDone = 0
        var isExchanging = false
    }

    /// The coordinator is a few steps ahead at most; more is a coordinator that does not follow the protocol.
    private static let taskLimit = 64
    /// Predictions come in bursts, and the control thread sends them at once.
    private static let messageLimit = 65_536

    /// Wakes the control thread.
    let wake: WakeSignal
    /// Ends whatever the computing thread waits for on the network.
    let cancellation: WakeSignal
    private let condition = NSCondition()
    private var tasks: [Task] = []
    private var messages: [ControlMessage] = []
    private var isClosed = false
    private var current = Progress()

    init() throws {
        wake = try WakeSignal()
        cancellation = try WakeSignal()
    }

    /// Adds a task.
    /// - Throws: `ClusterError` if too many wait.
    func post(_ task: Task) throws {
        try condition.withLock {
            guard tasks.count < Self.taskLimit else {
                throw ClusterError(
                    code: .unexpectedMessage, message: "the coordinator gave out \(tasks.count) tasks at once")
            }
            tasks.append(task)
            condition.broadcast()
        }
    }

    /// Waits for the next task; nil once the mailbox is closed.
    ///
    /// The control thread closes it when the coordinator is lost or silent, which bounds the wait.
    func nextTask() -> Task? {
        condition.withLock {
            while tasks.isEmpty, !isClosed {
                condition.wait()
            }
            return isClosed ? nil : tasks.removeFirst()
        }
    }

    /// Queues a message for the coordinator.
    ///
    /// Waits while too many are queued, unless the mailbox is closed.
    func post(_ message: ControlMessage) {
        condition.withLock {
            while messages.count >= Self.messageLimit, !isClosed {
                condition.wait()
            }
            messages.append(message)
        }
        wake.fire()
    }

    func takeMessages() -> [ControlMessage] {
        condition.withLock {
            defer {
                messages = []
                condition.broadcast()
            }
            return messages
        }
    }

    var progress: Progress {
        get { condition.withLock { current } }
        set { condition.withLock { current = newValue } }
    }

    /// Counts a finished shard.
    func shardDone() {
        condition.withLock { current.shardsDone += 1 }
    }

    /// Ends the computing thread: no further task, and no further waiting on the network.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
        cancellation.fire()
    }
}
