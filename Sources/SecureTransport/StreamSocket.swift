//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// A connected, non-blocking TCP socket with one owner; closed when the owner drops it.
package struct StreamSocket: ~Copyable, Sendable {
    let owned: OwnedDescriptor
    /// Who is at the other end, in numbers.
    package let peerAddress: Endpoint
    /// Our end, in numbers.
    package let localAddress: Endpoint

    package var descriptor: Int32 { owned.number }

    private init(owned: consuming OwnedDescriptor, peerAddress: Endpoint, localAddress: Endpoint) {
        self.owned = owned
        self.peerAddress = peerAddress
        self.localAddress = localAddress
    }

    /// Takes a connected socket over and sets what every connection has: no Nagle delay, keep-alive.
    static func adopting(_ owned: consuming OwnedDescriptor, peerAddress: Endpoint) throws -> StreamSocket {
        let descriptor = owned.number
        guard let local = SocketAddress(localOf: descriptor) else {
            throw TransportError(.connectionLost, "lost the connection to \(peerAddress)", errno: errno)
        }
        // A peer whose machine vanished while nobody writes is noticed after 30 s + 3 × 10 s.
        try SocketOption.set(IPPROTO_TCP, TCP_NODELAY, to: 1, of: descriptor)
        try SocketOption.set(SOL_SOCKET, SO_KEEPALIVE, to: 1, of: descriptor)
        try SocketOption.set(IPPROTO_TCP, TCP_KEEPIDLE, to: 30, of: descriptor)
        try SocketOption.set(IPPROTO_TCP, TCP_KEEPINTVL, to: 10, of: descriptor)
        try SocketOption.set(IPPROTO_TCP, TCP_KEEPCNT, to: 3, of: descriptor)
        return StreamSocket(owned: owned, peerAddress: peerAddress, localAddress: local.endpoint)
    }

    /// Asks the kernel for buffers of about `byteCount` bytes in both directions (it rounds and doubles).
    ///
    /// Without this the kernel adapts them to the link by itself; tests use it to make them tiny.
    /// - Throws: `.system` where the kernel refuses.
    package borrowing func setBufferSizes(_ byteCount: Int32) throws {
        try SocketOption.set(SOL_SOCKET, SO_SNDBUF, to: byteCount, of: descriptor)
        try SocketOption.set(SOL_SOCKET, SO_RCVBUF, to: byteCount, of: descriptor)
    }

    /// Connects to an endpoint: tries its addresses in turn until one answers.
    ///
    /// Blocks the calling thread, at most until the deadline (apart from looking up a host name, see
    /// `docs/threat-model.md`). Each address gets its share of the time left, so one that swallows packets cannot use
    /// up the time of the next.
    /// - Parameters:
    ///   - source: The address of this machine to call from, as on a machine with several networks; nil leaves it to
    ///     the kernel's routes. Addresses of the other family are not tried then.
    ///   - cancellation: Ends the wait early where it is fired; it is not cleared.
    /// - Throws: `.unresolvable`; `.unreachable` or `.timedOut` naming the endpoint and the failure of each address;
    ///   `.addressUnavailable` if nothing can be called from `source`; `.cancelled`; `.exhausted`.
    package static func connect(
        to endpoint: Endpoint, from source: String? = nil, until deadline: Deadline, cancellation: WakeSignal? = nil
    ) throws -> StreamSocket {
        guard endpoint.port != 0 else {
            throw TransportError(.badEndpoint, "cannot connect to \(endpoint): port 0 is nobody's")
        }
        let sources = try source.map { try SocketAddress.resolve(Endpoint(host: $0, port: 0), passive: true) }
        let addresses = try SocketAddress.resolve(endpoint, passive: false).filter { address in
            sources?.contains { $0.family == address.family } ?? true
        }
        guard !addresses.isEmpty else {
            throw TransportError(
                .addressUnavailable,
                "cannot connect to \(endpoint) from \(source ?? "here"): one is an IPv4 address, the other IPv6")
        }
        var failures: [String] = []
        var sawTimeout = false
        for (index, address) in addresses.enumerated() {
            let share = deadline.remaining / (addresses.count - index)
            let attempt = index == addresses.count - 1 ? deadline : min(deadline, .after(share))
            let start = sources?.first { $0.family == address.family }
            switch try connect(to: address, from: start, of: endpoint, until: attempt, cancellation: cancellation) {
            case .connected(let descriptor):
                return try adopting(OwnedDescriptor(owning: descriptor), peerAddress: address.endpoint)
            case .timedOut:
                sawTimeout = true
                failures.append("\(address.endpoint): no answer in time")
            case .failed(let number):
                failures.append("\(address.endpoint): \(SystemErrors.text(number))")
            }
        }
        throw TransportError(
            sawTimeout ? .timedOut : .unreachable,
            "cannot connect to \(endpoint) (\(failures.joined(separator: "; "))). "
                + "Is the process there running, is the port right, does a firewall stand between?")
    }

    private enum Attempt {
        /// An open descriptor that the caller must own.
        case connected(Int32)
        case timedOut
        case failed(errno: Int32)
    }

    private static func connect(
        to address: SocketAddress, from source: SocketAddress?, of endpoint: Endpoint, until deadline: Deadline,
        cancellation: WakeSignal?
    ) throws -> Attempt {
        let descriptor = try makeSocket(family: address.family, purpose: "connect to \(endpoint)")
        var isConnected = false
        defer { if !isConnected { _ = Glibc.close(descriptor) } }

        if let source, source.withPointer({ bind(descriptor, $0, $1) }) < 0 {
            throw TransportError(
                .addressUnavailable,
                "cannot call \(endpoint) from \(source.endpoint.host): is it an address of this machine?", errno: errno)
        }
        // EINTR leaves a connect going on like EINPROGRESS: repeating it would be an error.
        let status = address.withPointer { Glibc.connect(descriptor, $0, $1) }
        let number = status < 0 ? errno : 0
        if number != 0 && number != EINPROGRESS && number != EINTR { return .failed(errno: number) }
        if number != 0 {
            var poller = Poller()
            var interests: [Int32: Interest] = [descriptor: .writable]
            if let cancellation { interests[cancellation.descriptor] = .readable }
            let ready = try poller.wait(for: interests, until: deadline)
            if let cancellation, ready[cancellation.descriptor] != nil {
                throw TransportError(.cancelled, "stopped while connecting to \(endpoint)")
            }
            guard ready[descriptor] != nil else { return .timedOut }
            let outcome = SocketOption.pendingError(of: descriptor)
            if outcome != 0 { return .failed(errno: outcome) }
        }
        // A connect to a free port of this machine's ephemeral range may meet itself (simultaneous open).
        if SocketAddress(localOf: descriptor)?.endpoint == address.endpoint { return .failed(errno: ECONNREFUSED) }
        isConnected = true
        return .connected(descriptor)
    }

    /// A new non-blocking socket that child processes do not inherit.
    /// - Throws: `.exhausted` or `.system`.
    static func makeSocket(family: Int32, purpose: String) throws -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, kind, 0)
        if descriptor < 0 {
            let number = errno
            throw TransportError(
                SocketOption.isExhaustion(number) ? .exhausted : .system, "cannot \(purpose)", errno: number)
        }
        return descriptor
    }
}

/// Options of sockets, with the one type that ours all have.
enum SocketOption {
    static func set(_ level: Int32, _ option: Int32, to value: Int32, of descriptor: Int32) throws {
        var value = value
        let status = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        if status < 0 {
            throw TransportError(.system, "cannot set option \(option) of a socket to \(value)", errno: errno)
        }
    }

    static func set(_ level: Int, _ option: Int32, to value: Int32, of descriptor: Int32) throws {
        try set(Int32(level), option, to: value, of: descriptor)
    }

    /// Makes a new descriptor non-blocking and keeps it from child processes.
    ///
    /// In two steps: the Glibc module offers neither accept4 nor pipe2, which would do it at once. A child started by
    /// another thread between the two would inherit the descriptor.
    static func makeNonBlocking(_ descriptor: Int32) throws {
        if fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0 || fcntl(descriptor, F_SETFL, O_NONBLOCK) < 0 {
            throw TransportError(.system, "cannot make descriptor \(descriptor) non-blocking", errno: errno)
        }
    }

    /// The error that a non-blocking connect ended with; 0 for none.
    static func pendingError(of descriptor: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let status = getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &length)
        return status < 0 ? errno : value
    }

    /// Whether an `errno` says that descriptors or memory ran out, which may pass.
    static func isExhaustion(_ number: Int32) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(number)
    }
}
