//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
package import SecureTransport
import Synchronization

/// A network between processes of one machine, in user space: it stands before the port of every member, forwards the
/// bytes as they are, and is slow, cut or parted as it is told.
///
/// It needs no privileges, and the members run the code that they run on real networks. Times are as exact as poll(2),
/// a millisecond. Any thread may use it; what a call changes holds when it returns.
package final class ShapedNetwork: Sendable {
    private struct State {
        var commands: [@Sendable (ForwardingLoop) -> Void] = []
        var isClosing = false
        var failure: String?
    }

    private let state = Mutex(State())
    private let wake: WakeSignal
    private let ended = DispatchSemaphore(value: 0)
    /// The thread takes commands between two rounds, none of which waits longer than a call to a process.
    private static let commandTime = DispatchTimeInterval.seconds(20)

    /// Starts forwarding.
    package init(_ link: LinkShape) throws {
        wake = try WakeSignal()
        let thread = Thread { [self] in
            run(ForwardingLoop(link))
            ended.signal()
        }
        thread.name = "network"
        thread.start()
    }

    /// Makes the place where `target` is reached from now on; calls are refused until it is opened.
    package func makeDoor(for target: FaultTarget) throws -> Endpoint {
        try carryOut {
            try $0.makeDoor(
                for: target, at: LoopbackAddresses.door(of: target), own: LoopbackAddresses.own(of: target))
        }
    }

    /// Calls for `target` go to this endpoint.
    package func open(_ target: FaultTarget, to endpoint: Endpoint) throws {
        try carryOut { try $0.open(target, to: endpoint) }
    }

    /// Nobody stands behind the door: calls are refused.
    package func close(_ target: FaultTarget) throws {
        try carryOut { $0.close(target) }
    }

    /// Resets every connection of `target`.
    package func cut(_ target: FaultTarget) throws {
        try carryOut { $0.cut(target) }
    }

    /// Holds everything that would pass between two sides, until the number is given to `join`.
    package func part(_ partition: Partition, number: Int) throws {
        try carryOut { $0.rules.part(partition, number: number) }
    }

    package func join(number: Int) throws {
        try carryOut { $0.rules.join(number: number) }
    }

    /// Makes the links other ones.
    package func setLink(_ link: LinkShape) throws {
        try carryOut { $0.rules.link = link }
    }

    /// Ends all connections and the thread.
    package func end() {
        state.withLock { $0.isClosing = true }
        wake.fire()
        _ = ended.wait(timeout: .now() + Self.commandTime)
    }

    private func carryOut<Result: Sendable>(
        _ body: @escaping @Sendable (ForwardingLoop) throws -> Result
    ) throws -> Result {
        let outcome = Outcome<Result>()
        state.withLock { state in
            state.commands.append { loop in outcome.set(Swift.Result { try body(loop) }) }
        }
        wake.fire()
        guard let result = outcome.wait(Self.commandTime) else {
            let reason = state.withLock { $0.failure } ?? "it took no command for 20 s"
            throw TransportError(.system, "the simulated network does not work: \(reason)")
        }
        return try result.get()
    }

    private func run(_ loop: ForwardingLoop) {
        while true {
            let (commands, isClosing) = state.withLock { state in
                defer { state.commands = [] }
                return (state.commands, state.isClosing)
            }
            for command in commands { command(loop) }
            if isClosing { return }
            do {
                try loop.turn(wake: wake, until: .after(.seconds(1)))
            } catch {
                state.withLock { $0.failure = "\(error)" }
                return
            }
            _ = wake.clear()
        }
    }
}

/// What a command came to, for the thread that waits for it.
private final class Outcome<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func set(_ value: sending Result<Value, any Error>) {
        result.withLock { $0 = value }
        done.signal()
    }

    /// Nil if nothing came in time.
    func wait(_ time: DispatchTimeInterval) -> Result<Value, any Error>? {
        guard done.wait(timeout: .now() + time) == .success else { return nil }
        return result.withLock { $0 }
    }
}
