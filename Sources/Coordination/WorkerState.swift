//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A worker's side of a run as a pure state machine: what it was ordered to do, in which order, and what it drops.
///
/// One task is carried out at a time. A halt drops what waits, interrupts what is under way, and is answered after it
/// with the state then held: whatever is ordered afterwards belongs to a later generation. A machine lasts as long as
/// one connection to the coordinator; who joins again begins with a new one.
package struct WorkerState<Payload: Sendable>: Sendable {
    /// What the computing side does.
    package enum Task: Sendable {
        case formLinks(Payload, generation: UInt32)
        case beginPhase(Payload)
        case compute(Payload, generation: UInt32)
        case sendState(Payload)
        /// Close the data links and tell which state is held.
        case halt(generation: UInt32)
    }

    /// How a task ended.
    package enum Outcome: Sendable {
        case done
        /// The network broke it off, or it was interrupted; the state is as it was.
        case brokenOff
        /// It cannot be done, and nothing can be done after it.
        case failed
    }

    package enum Event: Sendable {
        case ordered(Task)
        case ended(Outcome)
    }

    package enum Directive: Sendable {
        case perform(Task)
        /// Break off the task under way as soon as that is possible.
        case interrupt
        /// Tell the coordinator that the task was broken off; it will halt this generation.
        case reportTrouble
    }

    /// An order that does not follow the protocol.
    package struct Violation: Error, CustomStringConvertible {
        package let description: String
    }

    /// Tasks that may wait: the coordinator is a few steps ahead at most.
    private static var taskLimit: Int { 64 }

    /// The generation of the last roster; 0 before the first.
    package private(set) var generation: UInt32 = 0
    private var waiting: [Task] = []
    /// Whether the computing side is at work.
    private var isBusy = false
    /// Whether this generation is over, so that nothing of it is begun.
    private var isOver = true
    private var owesHalt = false
    private var hasFailed = false

    package init() {}

    /// Takes one event.
    /// - Throws: `Violation`; the coordinator is not one to be followed.
    package mutating func handle(_ event: Event) throws(Violation) -> [Directive] {
        guard !hasFailed else { return [] }
        switch event {
        case .ordered(let task): return try order(task)
        case .ended(let outcome): return ended(outcome)
        }
    }

    private mutating func order(_ task: Task) throws(Violation) -> [Directive] {
        switch task {
        case .halt(let halted):
            guard halted == generation, !owesHalt else {
                throw Violation(description: "it halts generation \(halted), this worker is in \(generation)")
            }
            isOver = true
            owesHalt = true
            waiting = []
            return isBusy ? [.interrupt] : next()
        case .formLinks(_, let next):
            guard next > generation, isOver, !owesHalt else {
                throw Violation(
                    description: "it sends a roster of generation \(next), this worker is in \(generation)"
                        + (isOver ? "" : ", which was not halted"))
            }
            generation = next
            isOver = false
        case .compute(_, let theirs):
            guard theirs == generation else {
                throw Violation(
                    description: "it gives out work of generation \(theirs), this worker is in \(generation)")
            }
        case .beginPhase, .sendState:
            break
        }
        // After trouble the halt is on its way; what comes before it is of no use any more.
        guard !isOver else { return [] }
        guard waiting.count < Self.taskLimit else {
            throw Violation(description: "it gave out more than \(Self.taskLimit) tasks at once")
        }
        waiting.append(task)
        return isBusy ? [] : next()
    }

    private mutating func ended(_ outcome: Outcome) -> [Directive] {
        precondition(isBusy, "a task ended, and none was under way")
        isBusy = false
        switch outcome {
        case .done:
            return next()
        case .brokenOff:
            waiting = []
            isOver = true
            return owesHalt ? next() : [.reportTrouble]
        case .failed:
            waiting = []
            hasFailed = true
            return []
        }
    }

    private mutating func next() -> [Directive] {
        if owesHalt {
            owesHalt = false
            isBusy = true
            return [.perform(.halt(generation: generation))]
        }
        guard !waiting.isEmpty else { return [] }
        isBusy = true
        return [.perform(waiting.removeFirst())]
    }
}
