//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import Synchronization

/// A listening TCP socket.
package final class Listener: Sendable {
    /// What `accept` found.
    package enum Acceptance: ~Copyable, Sendable {
        case accepted(StreamSocket)
        /// Nobody waits; poll for `.readable`.
        case wouldBlock
        /// One caller was turned away, for want of descriptors or memory. The listener goes on; the error is to log.
        case turnedAway(TransportError)
    }

    private let owned: OwnedDescriptor
    /// Where it listens, with the port that the kernel chose where 0 was asked for.
    package let localEndpoint: Endpoint
    /// Held in reserve: without any free descriptor, a waiting caller could not even be turned away, and poll(2)
    /// would report it for ever.
    private let reserve: Mutex<OwnedDescriptor?>

    /// Open for as long as this object lives.
    package var descriptor: Int32 { owned.number }

    /// Listens on the first address of `endpoint` that can be had.
    /// - Parameter endpoint: `0.0.0.0` or `::` for all of the machine's addresses; port 0 for any free port.
    /// - Parameter backlog: Callers that may wait for `accept`.
    /// - Throws: `.portInUse`, `.addressUnavailable`, `.unresolvable`, `.exhausted`, each naming the endpoint.
    package init(on endpoint: Endpoint, backlog: Int32 = 256) throws {
        var failure: TransportError?
        for address in try SocketAddress.resolve(endpoint, passive: true) {
            do {
                let owned = try Listener.bind(address, for: endpoint, backlog: backlog)
                guard let local = SocketAddress(localOf: owned.number) else {
                    throw TransportError(.system, "cannot read back the address of \(endpoint)", errno: errno)
                }
                localEndpoint = local.endpoint
                self.owned = owned
                reserve = Mutex(Listener.openReserve())
                return
            } catch let error as TransportError {
                failure = failure ?? error
            }
        }
        throw failure ?? TransportError(.addressUnavailable, "\(endpoint) has no address to listen on")
    }

    private static func bind(
        _ address: SocketAddress, for endpoint: Endpoint, backlog: Int32
    ) throws -> OwnedDescriptor {
        let descriptor = try StreamSocket.makeSocket(family: address.family, purpose: "listen on \(endpoint)")
        let owned = OwnedDescriptor(owning: descriptor)
        // Without this a restarted coordinator would wait a minute for its old connections' TIME_WAIT.
        try SocketOption.set(SOL_SOCKET, SO_REUSEADDR, to: 1, of: descriptor)
        if address.withPointer({ Glibc.bind(descriptor, $0, $1) }) == 0, listen(descriptor, backlog) == 0 {
            return owned
        }
        let number = errno
        switch number {
        case EADDRINUSE:
            throw TransportError(
                .portInUse,
                "cannot listen on \(endpoint): port \(endpoint.port) is in use. Stop the process that listens there "
                    + "(ss -ltnp 'sport = :\(endpoint.port)' shows it), or listen on another port (0 takes any free)")
        case EADDRNOTAVAIL:
            throw TransportError(
                .addressUnavailable,
                "cannot listen on \(endpoint): this machine has no address \(endpoint.host). Give one of its own "
                    + "(ip address shows them), or 0.0.0.0 for all")
        case EACCES:
            throw TransportError(
                .addressUnavailable,
                "cannot listen on \(endpoint): no permission. Ports below 1024 are reserved; take a higher one")
        default:
            throw TransportError(.system, "cannot listen on \(endpoint)", errno: number)
        }
    }

    /// Takes the next caller, without waiting.
    ///
    /// A caller that has already left again is skipped. Running out of descriptors costs the caller its connection and
    /// nobody else anything.
    /// - Throws: `.system` where the listening socket itself is broken.
    package func accept() throws -> Acceptance {
        while true {
            var number: Int32 = 0
            var accepted: Int32 = -1
            let peer = SocketAddress(filledBy: { address, length in
                accepted = Glibc.accept(descriptor, address, length)
                number = accepted < 0 ? errno : 0
                return accepted
            })
            if let peer {
                let owned = OwnedDescriptor(owning: accepted)
                do {
                    try SocketOption.makeNonBlocking(accepted)
                    return .accepted(try StreamSocket.adopting(owned, peerAddress: peer.endpoint))
                } catch {
                    // The caller left between the two calls.
                    continue
                }
            }
            switch number {
            case EAGAIN: return .wouldBlock
            case EINTR: continue
            // accept(2): errors of the new connection, to be treated like EAGAIN by retrying.
            case ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
                ENETUNREACH, ETIMEDOUT, EPERM:
                continue
            case _ where SocketOption.isExhaustion(number):
                turnAway()
                return .turnedAway(
                    TransportError(
                        .exhausted,
                        "turned a caller away at \(localEndpoint): \(SystemErrors.text(number)). "
                            + "Raise the limit of open files (ulimit -n)"))
            default:
                throw TransportError(.system, "cannot accept connections at \(localEndpoint)", errno: number)
            }
        }
    }

    /// Closes the connection that waits first, by means of the reserved descriptor.
    private func turnAway() {
        reserve.withLock { reserve in
            reserve = nil
            let accepted = Glibc.accept(descriptor, nil, nil)
            if accepted >= 0 {
                _ = Glibc.close(accepted)
            } else {
                // Another thread took the descriptor; do not let the caller spin over poll(2) meanwhile.
                usleep(10_000)
            }
            reserve = Listener.openReserve()
        }
    }

    private static func openReserve() -> OwnedDescriptor? {
        let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
        return number < 0 ? nil : OwnedDescriptor(owning: number)
    }
}
