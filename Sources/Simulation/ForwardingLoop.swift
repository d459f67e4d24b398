//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport

/// The thread of a shaped network: takes calls at its doors, calls on, and moves the bytes as the rules have it.
///
/// One thread owns everything in it.
final class ForwardingLoop {
    /// Where a process of the cluster is reached.
    private struct Door {
        /// What the others know.
        let front: Endpoint
        /// Nil while the process is down: calls are refused then, as by a machine where nobody listens.
        var listener: Listener?
        /// Where the process listens.
        var back: Endpoint?
    }

    /// The calls of all members of the largest simulated cluster, several times.
    private static let connectionLimit = 4096
    /// The loopback answers at once or not at all.
    private static let callTime = Duration.seconds(1)

    var rules: NetworkRules
    private var doors: [FaultTarget: Door] = [:]
    private var connections: [ForwardedConnection] = []
    private var poller = Poller()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    init(_ link: LinkShape) {
        rules = NetworkRules(link)
    }

    deinit {
        buffer.deallocate()
    }

    // MARK: Commands

    /// Ports that are tried for a door.
    private static let mostPorts = 16

    /// Makes a door; calls are refused until somebody stands behind it.
    /// - Parameter own: The member's own address, where its port is free too. The kernel does not see to that: a member
    ///   of an earlier run has called from there, and a port stays taken for a minute after its connection has ended.
    func makeDoor(for target: FaultTarget, at address: String, own: String) throws -> Endpoint {
        // Those that will not do are held meanwhile, so that the kernel chooses others.
        var taken: [Listener] = []
        while true {
            let listener = try Listener(on: Endpoint(host: address, port: 0))
            do {
                _ = try Listener(on: Endpoint(host: own, port: listener.localEndpoint.port))
            } catch let error as TransportError where error.code == .portInUse && taken.count + 1 < Self.mostPorts {
                taken.append(listener)
                continue
            }
            doors[target] = Door(front: listener.localEndpoint, listener: nil, back: nil)
            return listener.localEndpoint
        }
    }

    /// Somebody stands behind a door from now on.
    func open(_ target: FaultTarget, to back: Endpoint) throws {
        guard var door = doors[target] else { preconditionFailure("no door for \(target)") }
        door.back = back
        if door.listener == nil {
            door.listener = try Listener(on: door.front)
        }
        doors[target] = door
    }

    func close(_ target: FaultTarget) {
        doors[target]?.listener = nil
        doors[target]?.back = nil
    }

    /// Resets every connection of a machine.
    func cut(_ target: FaultTarget) {
        for connection in connections where connection.caller == target || connection.callee == target {
            connection.reset()
        }
        connections.removeAll(where: \.isDone)
    }

    // MARK: The loop

    /// One round of waiting and moving.
    func turn(wake: WakeSignal, until deadline: Deadline) throws {
        var interests: [Int32: Interest] = [wake.descriptor: .readable]
        for door in doors.values {
            if let listener = door.listener { interests[listener.descriptor] = .readable }
        }
        var next = deadline
        for connection in connections where !isHeld(connection) {
            for (descriptor, interest) in connection.interests { interests[descriptor] = interest }
            if let arrival = connection.nextArrival {
                next = min(next, Deadline(at: MonotonicInstant(nanoseconds: arrival)))
            }
        }
        let ready = try poller.wait(for: interests, until: next)
        for (target, door) in doors {
            if let listener = door.listener, ready[listener.descriptor] != nil {
                try takeCalls(at: listener, of: target)
            }
        }
        let now = MonotonicClock.now().nanoseconds
        for connection in connections where !isHeld(connection) {
            if !connection.isThrough {
                call(for: connection)
            }
            connection.progress(at: now, buffer: buffer) { count, sender in
                rules.arrival(ofBytes: count, from: sender, at: now)
            }
        }
        connections.removeAll(where: \.isDone)
    }

    private func isHeld(_ connection: ForwardedConnection) -> Bool {
        rules.holds(connection.caller, connection.callee)
    }

    private func takeCalls(at listener: Listener, of callee: FaultTarget) throws {
        while true {
            switch try listener.accept() {
            case .wouldBlock: return
            case .turnedAway: continue
            case .accepted(let socket):
                // Whoever calls from another address is nobody of this cluster.
                guard let caller = LoopbackAddresses.worker(at: socket.peerAddress.host),
                    connections.count < Self.connectionLimit
                else { continue }
                connections.append(ForwardedConnection(socket, caller: caller, callee: callee))
            }
        }
    }

    /// Calls on; where nobody answers the caller is reset.
    private func call(for connection: ForwardedConnection) {
        guard let back = doors[connection.callee]?.back else {
            connection.reset()
            return
        }
        do {
            connection.connect(
                try StreamSocket.connect(
                    to: back, from: LoopbackAddresses.own(of: connection.caller), until: .after(Self.callTime)))
        } catch {
            // The process behind the door is gone: its caller finds out as it would without the door.
            connection.reset()
        }
    }
}

/// Which loopback address is whose: a caller is known by the address it calls from.
enum LoopbackAddresses {
    /// Where a member of the cluster listens, and what it calls from.
    static func own(of target: FaultTarget) -> String {
        switch target {
        case .coordinator: "127.0.1.254"
        case .worker(let number): "127.0.1.\(number + 1)"
        }
    }

    /// Where it is reached through the shaped network.
    static func door(of target: FaultTarget) -> String {
        switch target {
        case .coordinator: "127.0.2.254"
        case .worker(let number): "127.0.2.\(number + 1)"
        }
    }

    static func worker(at address: String) -> FaultTarget? {
        guard address.hasPrefix("127.0.1."), let last = Int(address.dropFirst("127.0.1.".count)), last >= 1, last <= 250
        else { return nil }
        return .worker(last - 1)
    }
}
