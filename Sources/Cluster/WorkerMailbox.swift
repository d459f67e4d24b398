//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Foundation
import SecureTransport
import Wire

/// Between a worker's thread for the control link and its thread that computes: tasks one way, messages the other.
///
/// Which task is next, and what a halt does to those that wait, is decided by `WorkerState`; this is its shell.
///
/// `@unchecked Sendable`: all mutable state is behind `condition`.
final class WorkerMailbox: @unchecked Sendable {
    /// What the coordinator ordered, as it came.
    enum Order: Sendable {
        case roster(Wire.Roster)
        case phase(PhaseStart)
        case work(ShardAssignment)
        case snapshot(SnapshotRequest)
    }

    typealias Task = WorkerState<Order>.Task

    /// How far the computing is, for heartbeats.
    struct Progress {
        var work: WorkKind?
        var step = 0
        var shardsDone = 0
        /// Layers of all shards, or rounds of tokens over all texts; from 0 again at 2^31.
        var roundsDone = 0
        var isExchanging = false
    }

    /// Predictions come in bursts, and the control thread sends them at once.
    private static let messageLimit = 65_536

    /// Wakes the control thread.
    let wake: WakeSignal
    /// Ends whatever the computing thread waits for on the network.
    let cancellation: WakeSignal
    private let condition = NSCondition()
    private var state = WorkerState<Order>()
    private var upcoming: Task?
    private var messages: [ControlMessage] = []
    private var isInterrupted = false
    private var isClosed = false
    private var current = Progress()

    init() throws {
        wake = try WakeSignal()
        cancellation = try WakeSignal()
    }

    // MARK: The control thread

    /// Takes an order.
    /// - Throws: `ClusterError` if it does not follow the protocol.
    func order(_ task: Task) throws {
        try condition.withLock {
            do {
                try take(.ordered(task))
            } catch let violation as WorkerState<Order>.Violation {
                throw ClusterError(code: .unexpectedMessage, message: "the coordinator errs: \(violation)")
            }
        }
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

    /// Ends the computing thread: no further task, and no further waiting on the network.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
        cancellation.fire()
    }

    // MARK: The computing thread

    /// Waits for the next task; nil once the mailbox is closed.
    ///
    /// The control thread closes it when the coordinator is lost or silent, which bounds the wait.
    func nextTask() -> Task? {
        condition.withLock {
            while upcoming == nil, !isClosed {
                condition.wait()
            }
            defer { upcoming = nil }
            return isClosed ? nil : upcoming
        }
    }

    /// The task under way has ended.
    /// - Returns: Whether the coordinator must be told that it was broken off.
    func ended(_ outcome: WorkerState<Order>.Outcome) throws -> Bool {
        try condition.withLock { try take(.ended(outcome)) }
    }

    /// Breaks off a task between two shards once that is wanted.
    /// - Throws: `TransportError` with `.cancelled`.
    func checkInterruption() throws {
        if condition.withLock({ isInterrupted || isClosed }) {
            throw TransportError(.cancelled, "the work was broken off")
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

    var progress: Progress {
        get { condition.withLock { current } }
        set { condition.withLock { current = newValue } }
    }

    /// Counts a finished shard.
    func shardDone() {
        condition.withLock { current.shardsDone += 1 }
    }

    /// Counts a layer that a shard went through, or a token that all texts of a shard got.
    func roundDone() {
        condition.withLock { current.roundsDone = (current.roundsDone + 1) & Int(Int32.max) }
    }

    @discardableResult
    private func take(_ event: WorkerState<Order>.Event) throws -> Bool {
        var reportsTrouble = false
        for directive in try state.handle(event) {
            switch directive {
            case .perform(let task):
                if case .halt = task {
                    // What it was fired for has ended.
                    isInterrupted = false
                    cancellation.clear()
                }
                upcoming = task
                condition.broadcast()
            case .interrupt:
                isInterrupted = true
                cancellation.fire()
            case .reportTrouble:
                reportsTrouble = true
            }
        }
        return reportsTrouble
    }
}
