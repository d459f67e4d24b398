//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Synchronization
package import Training

/// A coordinator's line to whoever started it: events go out, orders come in, over a socket that it inherited.
///
/// At places where faults are tied to, the run waits for the answer, so that what happens there happens there. When the
/// other end is gone, so is whoever wanted this run: it is asked to stop. Any thread may use it.
package final class RunEventStream: Sendable {
    private let descriptor: Int32
    private let writing = Mutex(())
    private let answers = Answers()
    private let obituaries: Obituaries
    private let stop: StopRequest

    /// How long the run waits for an answer; who does not give it is as good as gone.
    private static let answerTime = 60.0

    /// - Parameter descriptor: A connected stream socket, which this owns from now on.
    package init(descriptor: Int32, obituaries: Obituaries, stop: StopRequest) {
        self.descriptor = descriptor
        self.obituaries = obituaries
        self.stop = stop
        let thread = Thread { [self] in read() }
        thread.name = "events"
        thread.start()
    }

    /// Tells an event and goes on.
    package func tell(_ event: RunEvent) { send(event, waits: false) }

    /// Tells an event and waits until it has been dealt with.
    package func tellAndWait(_ event: RunEvent) {
        guard send(event, waits: true) else { return }
        answers.wait(seconds: Self.answerTime)
    }

    @discardableResult
    private func send(_ event: RunEvent, waits: Bool) -> Bool {
        let told = ToldEvent(nanoseconds: MonotonicClock.now().nanoseconds, waits: waits, event: event)
        return writing.withLock { _ in LineSocket.write(told.line, to: descriptor) }
    }

    private func read() {
        var reader = LineSocket.Reader(descriptor: descriptor, limit: RunEvent.lineLimit)
        while let line = reader.next() {
            switch RunOrder(line: line) {
            case .goOn: answers.answer()
            case .ended(let worker, let reason, let returns):
                obituaries.ended(worker, reason: reason, returns: returns)
            case nil: break
            }
        }
        answers.close()
        stop.request()
    }
}

/// Answers that were given and not taken yet.
///
/// `@unchecked Sendable`: all mutable state is behind `condition`.
private final class Answers: @unchecked Sendable {
    private let condition = NSCondition()
    private var given = 0
    private var isClosed = false

    func answer() {
        condition.withLock {
            given += 1
            condition.broadcast()
        }
    }

    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    func wait(seconds: Double) {
        let deadline = Date(timeIntervalSinceNow: seconds)
        condition.withLock {
            while given == 0, !isClosed {
                guard condition.wait(until: deadline) else { return }
            }
            given = max(0, given - 1)
        }
    }
}
