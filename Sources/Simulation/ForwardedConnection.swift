//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import SecureTransport

/// A connection through the shaped network: the caller's half and the half to whom it called.
final class ForwardedConnection {
    /// One direction: what was read from one half and is to be written to the other.
    private struct Direction {
        var underWay = BytesUnderWay()
        /// Nothing more will be read.
        var hasEnded = false
        /// The end was passed on.
        var isShut = false
        /// The receiver's socket takes nothing at present.
        var isBlocked = false

        var isDone: Bool { hasEnded && isShut }
    }

    let caller: FaultTarget
    let callee: FaultTarget
    private let near: StreamSocket
    /// Nil as long as a partition keeps the call from getting through.
    private var far: StreamSocket?
    private var outward = Direction()
    private var homeward = Direction()
    private(set) var isBroken = false

    init(_ near: consuming StreamSocket, caller: FaultTarget, callee: FaultTarget) {
        self.near = near
        self.caller = caller
        self.callee = callee
    }

    var isThrough: Bool { far != nil }

    func connect(_ far: consuming StreamSocket) {
        self.far = consume far
    }

    /// What each half is waited for.
    var interests: [(descriptor: Int32, interest: Interest)] {
        guard let farDescriptor else { return [] }
        return [
            (near.descriptor, Self.interest(reading: outward, writing: homeward)),
            (farDescriptor, Self.interest(reading: homeward, writing: outward)),
        ]
    }

    /// When the next byte arrives that the receiver has room for.
    var nextArrival: Int64? {
        [outward, homeward].filter { !$0.isBlocked }.compactMap(\.underWay.nextArrival).min()
    }

    var isDone: Bool { isBroken || outward.isDone && homeward.isDone }

    /// Reads what has come and writes what has arrived.
    /// - Parameter arrival: When so many bytes from this sender arrive.
    func progress(at now: Int64, buffer: UnsafeMutableRawBufferPointer, arrival: (Int, FaultTarget) -> Int64) {
        guard let farDescriptor, !isBroken else { return }
        read(from: near.descriptor, into: &outward, buffer) { arrival($0, caller) }
        read(from: farDescriptor, into: &homeward, buffer) { arrival($0, callee) }
        write(&outward, to: farDescriptor, at: now)
        write(&homeward, to: near.descriptor, at: now)
    }

    /// Makes both halves end with a reset instead of a farewell.
    func reset() {
        isBroken = true
        var linger = linger(l_onoff: 1, l_linger: 0)
        for descriptor in [near.descriptor, farDescriptor].compactMap({ $0 }) {
            // A connection that is gone already needs no reset.
            _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }
    }

    private var farDescriptor: Int32? {
        switch far {
        case .some(let socket): socket.descriptor
        case .none: nil
        }
    }

    private static func interest(reading: Direction, writing: Direction) -> Interest {
        var interest: Interest = []
        if !reading.hasEnded, reading.underWay.hasRoom { interest.insert(.readable) }
        if writing.isBlocked { interest.insert(.writable) }
        return interest
    }

    private func read(
        from descriptor: Int32, into direction: inout Direction, _ buffer: UnsafeMutableRawBufferPointer,
        _ arrival: (Int) -> Int64
    ) {
        guard !direction.hasEnded, direction.underWay.hasRoom else { return }
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 {
            let bytes = [UInt8](UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            direction.underWay.add(bytes[...], arrival: arrival(count))
        } else if count == 0 {
            direction.hasEnded = true
        } else if ![EAGAIN, EINTR].contains(errno) {
            reset()
        }
    }

    private func write(_ direction: inout Direction, to descriptor: Int32, at now: Int64) {
        guard !isBroken else { return }
        direction.isBlocked = false
        var isBlocked = false
        var isLost = false
        direction.underWay.deliver(at: now) { bytes in
            let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return count }
            if [EAGAIN, EINTR].contains(errno) { isBlocked = true } else { isLost = true }
            return 0
        }
        direction.isBlocked = isBlocked
        if isLost {
            reset()
        } else if direction.hasEnded, direction.underWay.isEmpty, !direction.isShut {
            direction.isShut = true
            _ = shutdown(descriptor, Int32(SHUT_WR))
        }
    }
}
