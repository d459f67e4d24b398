//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Testing

@Suite struct PollerTests {
    @Test("A signal fired by another thread wakes a poller, and one clear takes many firings")
    func wakes() throws {
        let signal = try WakeSignal()
        Thread.detachNewThread {
            usleep(20_000)
            for _ in 0..<3 { signal.fire() }
        }
        var poller = Poller()
        #expect(
            try poller.wait(for: [signal.descriptor: .readable], until: .after(.seconds(20)))
                == [signal.descriptor: .readable])
        // The thread may be between two firings.
        usleep(50_000)
        #expect(signal.clear())
        #expect(!signal.clear())
        #expect(try poller.wait(for: .readable, of: signal.descriptor, until: .after(.zero)) == [])
    }

    @Test("A signal fired a hundred thousand times neither blocks nor is lost")
    func firedOften() throws {
        let signal = try WakeSignal()
        for _ in 0..<100_000 { signal.fire() }
        #expect(signal.clear())
        #expect(!signal.clear())
    }

    @Test("A wait ends at its deadline, not before")
    func timesOut() throws {
        let signal = try WakeSignal()
        var poller = Poller()
        let start = MonotonicClock.now()
        #expect(try poller.wait(for: [signal.descriptor: .readable], until: .after(.milliseconds(30))) == [:])
        #expect(MonotonicClock.now().since(start) >= .milliseconds(30))
    }

    @Test("A descriptor without interest is not reported, whatever happens to it")
    func withoutInterest() throws {
        let signal = try WakeSignal()
        signal.fire()
        var poller = Poller()
        #expect(try poller.wait(for: [signal.descriptor: []], until: .after(.milliseconds(5))) == [:])
    }

    @Test("A connection whose peer has gone is ready for what was asked, no more")
    func hangUp() throws {
        let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
        let client = try StreamSocket.connect(to: listener.localEndpoint, until: .after(.seconds(20)))
        let server = try PlainSocket(Loopback.accept(from: listener, until: .after(.seconds(20))))
        server.close()
        var poller = Poller()
        let deadline = Deadline.after(.seconds(20))
        #expect(try poller.wait(for: .readable, of: client.descriptor, until: deadline) == .readable)
        let both: Interest = [.readable, .writable]
        #expect(try poller.wait(for: both, of: client.descriptor, until: deadline).contains(.readable))
    }

    @Test("Deadlines compare, pass and do not overflow")
    func deadlines() {
        #expect(Deadline.after(.zero).hasPassed)
        #expect(Deadline.after(.seconds(-5)).hasPassed)
        #expect(!Deadline.after(.seconds(60)).hasPassed)
        #expect(Deadline.after(.seconds(60)) < .after(.seconds(120)))
        #expect(Deadline.after(.seconds(Int64.max)) == .never)
        #expect(Deadline.after(.seconds(Int64.min)).hasPassed)
        #expect(Deadline.after(.seconds(60)).remaining > .seconds(50))
        #expect(Deadline.after(.seconds(-60)).remaining == .zero)
        #expect(!Deadline.never.hasPassed)
    }
}
