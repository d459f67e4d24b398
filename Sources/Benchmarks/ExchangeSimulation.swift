//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Collectives

/// Plays the scripts of all workers over a `LinkModel`, event by event: no thread, no clock, no chance.
///
/// What it says about time is what `ExchangeFormula` is held against: here nothing is known of rounds, only which
/// segment waits for which. Workers start at the same time. An interface serves the links that have something to send
/// in turns, a segment a turn, beginning with the next worker; it takes what arrives in the order of arrival, and may
/// begin before the last byte of a message has left its sender.
package struct ExchangeSimulation {
    /// A segment's way.
    package struct Transfer: Hashable, Sendable {
        package let sender: Int
        package let receiver: Int
        /// The index in the sender's script.
        package let send: Int
        /// The index in the receiver's script.
        package let receive: Int
        /// When its sender's interface began with it, in seconds from the exchange's start.
        package let began: Double
        /// When its receiver had it, in seconds from the exchange's start.
        package let ended: Double
    }

    /// What came of it.
    package struct Outcome: Sendable {
        /// In the order in which they ended.
        package fileprivate(set) var transfers: [Transfer] = []
        /// What each worker sent, in bytes.
        package fileprivate(set) var byteCounts: [Int]

        /// When the last worker had everything, in seconds from the start.
        package var seconds: Double { transfers.last?.ended ?? 0 }
    }

    private struct Message {
        let sender: Int
        let receiver: Int
        let send: Int
        let began: Double
    }

    private enum Event {
        /// A sender's interface has done with a message.
        case sent(by: Int)
        /// A message's first byte is at its receiver's interface.
        case arrived(Message)
        /// The receiver has all of it.
        case taken(Message, receive: Int)
    }

    /// A worker in the midst of an exchange.
    private struct Worker {
        let script: ExchangeScript
        /// The sends to each peer, in order, and how many of them have begun to leave.
        var sends: [[Int]]
        var begunCounts: [Int]
        /// The receives from each peer, in order, and how many of them have begun to arrive.
        var receives: [[Int]]
        var arrivedCounts: [Int]
        var isTaken: [Bool]
        let senderCount: Int
        var isSending = false
        /// The peer whose turn it is.
        var turn: Int
        /// When its interface has taken all that has arrived so far.
        var isFreeAt = 0.0

        init(_ script: ExchangeScript, workerRank: Int, worldSize: Int) {
            self.script = script
            sends = Array(repeating: [], count: worldSize)
            receives = sends
            for (index, send) in script.sends.enumerated() { sends[send.peer].append(index) }
            for (index, receive) in script.receives.enumerated() { receives[receive.peer].append(index) }
            begunCounts = Array(repeating: 0, count: worldSize)
            arrivedCounts = begunCounts
            isTaken = Array(repeating: false, count: script.receives.count)
            senderCount = receives.count { !$0.isEmpty }
            turn = (workerRank + 1) % worldSize
        }

        /// Takes the send whose turn it is; nil if every link has nothing or waits.
        mutating func takeTurn() -> Int? {
            for offset in sends.indices {
                let peer = (turn + offset) % sends.count
                guard begunCounts[peer] < sends[peer].count else { continue }
                let index = sends[peer][begunCounts[peer]]
                guard script.sends[index].after.allSatisfy({ isTaken[$0] }) else { continue }
                begunCounts[peer] += 1
                turn = (peer + 1) % sends.count
                return index
            }
            return nil
        }
    }

    private let link: LinkModel
    private var workers: [Worker]
    private var events = EventQueue<Event>()
    private var outcome: Outcome

    /// - Parameter scripts: One a worker, by worker rank.
    package init(scripts: [ExchangeScript], over link: LinkModel) {
        self.link = link
        workers = scripts.enumerated().map { Worker($1, workerRank: $0, worldSize: scripts.count) }
        outcome = Outcome(byteCounts: Array(repeating: 0, count: scripts.count))
    }

    /// All workers follow `plan`.
    package init(_ plan: AllReducePlan, over link: LinkModel) {
        self.init(scripts: (0..<plan.partition.chunkCount).map { plan.script(workerRank: $0) }, over: link)
    }

    /// Plays everything.
    /// - Throws: `BenchmarkError` where the scripts do not fit together: one sends what the other does not expect, or
    ///   somebody waits for what nobody sends.
    package consuming func run() throws(BenchmarkError) -> Outcome {
        for worker in workers.indices { sendNext(worker, at: 0) }
        while let (now, event) = events.next() {
            switch event {
            case .sent(let worker):
                workers[worker].isSending = false
                sendNext(worker, at: now)
            case .arrived(let message):
                try take(message, at: now)
            case .taken(let message, let receive):
                workers[message.receiver].isTaken[receive] = true
                outcome.transfers.append(
                    Transfer(
                        sender: message.sender, receiver: message.receiver, send: message.send, receive: receive,
                        began: message.began, ended: now))
                sendNext(message.receiver, at: now)
            }
        }
        try checkEnd()
        return outcome
    }

    private mutating func sendNext(_ worker: Int, at now: Double) {
        guard !workers[worker].isSending, let index = workers[worker].takeTurn() else { return }
        let send = workers[worker].script.sends[index]
        workers[worker].isSending = true
        outcome.byteCounts[worker] += send.range.count * link.elementByteCount
        events.add(.sent(by: worker), at: now + link.sendingSeconds(elementCount: send.range.count))
        events.add(
            .arrived(Message(sender: worker, receiver: send.peer, send: index, began: now)),
            at: now + link.secondsOnTheWay)
    }

    private mutating func take(_ message: Message, at now: Double) throws(BenchmarkError) {
        let (sender, receiver) = (message.sender, message.receiver)
        let range = workers[sender].script.sends[message.send].range
        let place = workers[receiver].arrivedCounts[sender]
        let expected = workers[receiver].receives[sender]
        guard place < expected.count, workers[receiver].script.receives[expected[place]].range == range else {
            let found =
                place < expected.count ? "\(workers[receiver].script.receives[expected[place]].range)" : "nothing"
            throw BenchmarkError(
                "worker \(sender) sends elements \(range) to worker \(receiver), which expects \(found)")
        }
        workers[receiver].arrivedCounts[sender] += 1
        let seconds = link.receivingSeconds(elementCount: range.count, senderCount: workers[receiver].senderCount)
        workers[receiver].isFreeAt = max(now, workers[receiver].isFreeAt) + seconds
        events.add(.taken(message, receive: expected[place]), at: workers[receiver].isFreeAt)
    }

    private func checkEnd() throws(BenchmarkError) {
        for (index, worker) in workers.enumerated() {
            let unsent = worker.script.sends.count - worker.begunCounts.reduce(0, +)
            let missing = worker.isTaken.count { !$0 }
            guard unsent == 0, missing == 0 else {
                throw BenchmarkError(
                    "worker \(index) of \(workers.count) waits for ever: \(missing) of \(worker.isTaken.count) "
                        + "segments have not come in, \(unsent) of \(worker.script.sends.count) have not left")
            }
        }
    }
}
