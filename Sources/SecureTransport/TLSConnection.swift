//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL
import Glibc
import Synchronization

/// One TLS connection over a socket that never blocks.
///
/// Phases: handshake → open → closed. The owner polls the descriptor for `interest` and calls `progressHandshake`, then
/// `read` and `write`, in any order, for each direction until it gets `.wouldBlock`. After an error the connection is of
/// no use; the descriptor stays open until `close`, so that it can be taken out of a poll list first.
///
/// `@unchecked Sendable`: an SSL object may go from thread to thread but must not be used by two at once. `busy` holds
/// for the length of each call and stops the process where two threads meet; acquiring and releasing it also orders one
/// thread's calls before the next one's.
package final class TLSConnection: @unchecked Sendable {
    private enum Phase {
        case handshake
        case open(PeerIdentity)
        /// By us, or by an error, which every later call throws again.
        case closed(TransportError?)
    }

    private let busy = Atomic<Bool>(false)
    private var phase = Phase.handshake
    private var socket: StreamSocket?
    private var ssl: OpaquePointer?
    private let context: TLSContext
    private let port: SocketPort
    private let verification: PeerVerification
    /// What the last blocked write left inside OpenSSL: the next write must offer these bytes again.
    private var heldByteCount = 0
    /// Records sent under the present key.
    private var recordsUnderKey = 0
    /// A failure found after bytes of the same call had been read: for the next call.
    private var deferredFailure: TransportError?

    /// The socket's number, for polling; somebody else's after `close`.
    package let descriptor: Int32
    /// Who is at the other end, in numbers.
    package let peerAddress: Endpoint
    /// Our end, in numbers.
    package let localAddress: Endpoint
    /// When the handshake must be done; `progressHandshake` throws after it, and the owner polls no longer than this.
    package let handshakeDeadline: Deadline

    /// What a read waits for.
    package private(set) var readInterest: Interest = .readable
    /// What the last write waits for; empty where it went through.
    package private(set) var writeInterest: Interest = []

    /// What to poll for: the handshake's need, or what reads and a blocked write wait for.
    ///
    /// An owner that does not want to read at present polls for `writeInterest` alone.
    package var interest: Interest { readInterest.union(writeInterest) }

    /// Whether the last read filled the caller's buffer: more may be waiting inside, which poll(2) cannot see.
    package private(set) var mayHaveBufferedInput = false

    /// How often the key of what we send was updated.
    package private(set) var keyUpdateCount = 0

    /// Who the peer is; nil before the handshake is done.
    package var peerIdentity: PeerIdentity? {
        if case .open(let identity) = phase { identity } else { nil }
    }

    /// Which end of the handshake we are; both ends authenticate.
    package enum Side: Hashable, Sendable {
        /// We dialled.
        case client
        /// We accepted.
        case server
    }

    /// Starts TLS on a connected socket; nothing is sent before `progressHandshake`.
    ///
    /// - Parameters:
    ///   - expectation: Whom to accept at the other end.
    ///   - handshakeDeadline: When the handshake must be done.
    /// - Throws: `.cryptography`.
    package init(
        _ socket: consuming StreamSocket, side: Side, context: TLSContext, expecting expectation: PeerExpectation,
        handshakeDeadline: Deadline
    ) throws {
        descriptor = socket.descriptor
        peerAddress = socket.peerAddress
        localAddress = socket.localAddress
        self.socket = consume socket
        self.context = context
        self.handshakeDeadline = handshakeDeadline
        port = SocketPort(descriptor: descriptor)
        verification = PeerVerification(expecting: expectation, at: peerAddress)
        ERR_clear_error()
        ssl = SSL_new(context.context)
        guard let ssl else { throw TransportError.openSSL("cannot make a TLS connection to \(peerAddress)") }
        try port.attach(to: ssl)
        verification.attach(to: ssl)
        switch side {
        case .client: SSL_set_connect_state(ssl)
        case .server: SSL_set_accept_state(ssl)
        }
    }

    deinit {
        SSL_free(ssl)
    }

    // MARK: Handshake

    /// Takes the handshake as far as it goes without waiting.
    ///
    /// A server's `.done` means that both ends accept each other. A client's means that it accepts the server; a server
    /// that refuses the client's certificate says so afterwards, and the client's first read throws `.refusedByPeer`
    /// (TLS 1.3 has the client finish first, RFC 8446, 2).
    /// - Throws: Why the peer is refused or refuses, see `TransportError.Code`; `.timedOut` after `handshakeDeadline`.
    package func progressHandshake() throws -> HandshakeStatus {
        try exclusively {
            switch phase {
            case .open: return .done
            case .closed(let failure): throw failure ?? closedByUs()
            case .handshake: break
            }
            let ssl = requireSSL()
            ERR_clear_error()
            let result = SSL_do_handshake(ssl)
            let status = SSL_get_error(ssl, result)
            if status == SSL_ERROR_NONE {
                guard let identity = verification.identity else {
                    throw fail(
                        TransportError(.missingCertificate, "the peer at \(peerAddress) proved no identity"))
                }
                phase = .open(identity)
                readInterest = .readable
                // From here on whole records come with one call, not header and body with one each. Not before: bytes
                // that follow the handshake must stay where poll(2) sees them.
                SSL_set_read_ahead(ssl, 1)
                // The last flight of a client may wait inside OpenSSL no longer: a finished handshake is flushed.
                writeInterest = []
                return .done
            }
            guard let need = Interest(waitingFor: status) else { throw fail(failure(status, during: .handshake)) }
            if handshakeDeadline.hasPassed {
                throw fail(
                    TransportError(
                        .timedOut,
                        "the TLS handshake with \(peerAddress) (expected \(verification.expected)) was not done in time; "
                            + "does the peer speak loradrop, is it overloaded?"))
            }
            readInterest = need
            return .waiting
        }
    }

    // MARK: Bytes

    /// Reads what has arrived, up to the size of `buffer`.
    ///
    /// Read until `.wouldBlock` before polling again, or heed `mayHaveBufferedInput`.
    /// - Returns: `.bytes`, `.wouldBlock`, or `.closed` after the peer's farewell (again and again then).
    /// - Throws: `.truncated` where the stream ends without farewell; `.refusedByPeer`, `.connectionLost`,
    ///   `.protocolViolation`. Bytes that arrived before are returned first.
    /// - Precondition: the handshake is done, `buffer` is not empty.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> IOOutcome {
        precondition(buffer.count > 0, "a read into no bytes")
        return try exclusively {
            let ssl = try requireOpen()
            if let failure = deferredFailure { throw fail(failure) }
            var filled = 0
            // OpenSSL hands out at most one record (16 KiB) a call.
            while filled < buffer.count {
                var count = 0
                ERR_clear_error()
                let result = SSL_read_ex(ssl, buffer.baseAddress?.advanced(by: filled), buffer.count - filled, &count)
                if result == 1 {
                    filled += count
                    continue
                }
                let status = SSL_get_error(ssl, 0)
                mayHaveBufferedInput = false
                if let need = Interest(waitingFor: status) {
                    readInterest = need
                    return filled > 0 ? .bytes(filled) : .wouldBlock
                }
                // OpenSSL reports the farewell again at the next call.
                if status == SSL_ERROR_ZERO_RETURN { return filled > 0 ? .bytes(filled) : .closed }
                let problem = failure(status, during: .reading)
                if filled == 0 { throw fail(problem) }
                deferredFailure = problem
                return .bytes(filled)
            }
            mayHaveBufferedInput = true
            readInterest = .readable
            return .bytes(filled)
        }
    }

    /// Writes as many of `bytes` as the socket takes.
    ///
    /// After `.wouldBlock`, or `.bytes` of fewer than were offered, the next write must begin with the bytes that were
    /// not taken (they may have moved) and offer no fewer of them up to 16 KiB: a record of them is encrypted already.
    /// - Returns: `.bytes` or `.wouldBlock`.
    /// - Throws: `.refusedByPeer`, `.connectionLost`, `.protocolViolation`.
    /// - Precondition: the handshake is done, `bytes` is not empty, and the rule above.
    package func write(_ bytes: UnsafeRawBufferPointer) throws -> IOOutcome {
        precondition(
            bytes.count > 0 && bytes.count >= heldByteCount,
            "a write of \(bytes.count) bytes to \(peerAddress), \(heldByteCount) are held from the one before")
        return try exclusively {
            let ssl = try requireOpen()
            if let failure = deferredFailure { throw fail(failure) }
            var written = 0
            while written < bytes.count {
                let offered = min(bytes.count - written, TLSConnection.largestRecord)
                var count = 0
                port.moreFollows = offered < bytes.count - written
                defer { port.moreFollows = false }
                if heldByteCount == 0 && recordsUnderKey >= context.recordsPerKey { try updateKey(of: ssl) }
                ERR_clear_error()
                let result = SSL_write_ex(ssl, bytes.baseAddress?.advanced(by: written), offered, &count)
                if result == 1 {
                    heldByteCount = 0
                    recordsUnderKey += 1
                    written += count
                    continue
                }
                let status = SSL_get_error(ssl, 0)
                if let need = Interest(waitingFor: status) {
                    heldByteCount = offered
                    writeInterest = need
                    return written > 0 ? .bytes(written) : .wouldBlock
                }
                let problem = failure(status, during: .writing)
                if problem.code == .connectionLost, hasInputLeft(ssl) {
                    heldByteCount = offered
                    writeInterest = .readable
                    return .wouldBlock
                }
                throw fail(deferredFailure ?? problem)
            }
            writeInterest = []
            return .bytes(written)
        }
    }

    /// Takes a new key for what we send (RFC 8446, 4.6.3) and tells the peer, which keeps its own.
    private func updateKey(of ssl: OpaquePointer) throws {
        ERR_clear_error()
        let isUpdated = port.withoutBlocking {
            SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1
        }
        guard isUpdated else { throw fail(failure(SSL_ERROR_SSL, during: .writing)) }
        recordsUnderKey = 0
        keyUpdateCount += 1
    }

    /// Whether a peer that takes no more bytes had sent some before it went: they come first, then `read` throws.
    ///
    /// A TLS alert among them, which tells why the peer left, becomes `deferredFailure`.
    private func hasInputLeft(_ ssl: OpaquePointer) -> Bool {
        var byte: UInt8 = 0
        var count = 0
        ERR_clear_error()
        if SSL_peek_ex(ssl, &byte, 1, &count) == 1 { return true }
        let problem = failure(SSL_get_error(ssl, 0), during: .writing)
        if problem.code == .refusedByPeer { deferredFailure = problem }
        return false
    }

    /// The plaintext of a full record, in bytes (RFC 8446, 5.1).
    package static let largestRecord = 16 << 10

    // MARK: The end

    /// Tells the peer that no more bytes follow, and keeps reading possible.
    /// - Returns: `.closed` once the farewell is handed over, `.wouldBlock` to be called again at `writeInterest`.
    /// - Throws: `.connectionLost`.
    /// - Precondition: the handshake is done and no write is held half done.
    package func finishWriting() throws -> IOOutcome {
        precondition(heldByteCount == 0, "\(heldByteCount) bytes to \(peerAddress) are held half written")
        return try exclusively {
            let ssl = try requireOpen()
            ERR_clear_error()
            let result = SSL_shutdown(ssl)
            if result >= 0 {
                writeInterest = []
                return .closed
            }
            let status = SSL_get_error(ssl, result)
            guard let need = Interest(waitingFor: status) else { throw fail(failure(status, during: .writing)) }
            writeInterest = need
            return .wouldBlock
        }
    }

    /// Ends the connection: says farewell where that works at once, and closes the socket.
    ///
    /// May be called repeatedly.
    package func close() {
        exclusively {
            if case .open = phase, heldByteCount == 0, let ssl {
                ERR_clear_error()
                // Best effort: a peer that does not get it sees a truncated stream, which is the truth.
                _ = SSL_shutdown(ssl)
                ERR_clear_error()
            }
            release()
        }
    }

    /// Ends the connection without farewell: the peer sees `.truncated` or `.connectionLost`.
    package func abandon() {
        exclusively { release() }
    }

    private func release() {
        if case .closed(_?) = phase {} else { phase = .closed(nil) }
        SSL_free(ssl)
        ssl = nil
        if socket == nil { return }
        // Closing a socket that has unread bytes sends a reset, which can overtake the alert or the last bytes sent
        // before. So end our direction first and throw away what has arrived, within bounds.
        _ = shutdown(descriptor, Int32(SHUT_WR))
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { scratch in
            for _ in 0..<64 where recv(descriptor, scratch.baseAddress, scratch.count, 0) <= 0 { break }
        }
        socket = nil
        readInterest = []
        writeInterest = []
    }

    // MARK: Helpers

    private func exclusively<Result>(_ body: () throws -> Result) rethrows -> Result {
        let isBusy = busy.exchange(true, ordering: .acquiring)
        precondition(!isBusy, "two threads use the connection to \(peerAddress) at the same time")
        defer { busy.store(false, ordering: .releasing) }
        return try body()
    }

    private func requireSSL() -> OpaquePointer {
        guard let ssl else { preconditionFailure("the connection to \(peerAddress) has no TLS state in \(phase)") }
        return ssl
    }

    private func requireOpen() throws -> OpaquePointer {
        switch phase {
        case .open: return requireSSL()
        case .handshake: preconditionFailure("bytes for \(peerAddress) before the handshake was done")
        case .closed(let failure): throw failure ?? closedByUs()
        }
    }

    private func closedByUs() -> TransportError {
        TransportError(.connectionLost, "the connection to \(peerAddress) was closed on this side")
    }

    private func fail(_ failure: TransportError) -> TransportError {
        phase = .closed(failure)
        readInterest = []
        writeInterest = []
        return failure
    }

    /// Words for a failed call; takes OpenSSL's error queue.
    private func failure(_ status: Int32, during activity: TLSFailure.Activity) -> TransportError {
        TLSFailure(
            activity: activity, status: status, errors: OpenSSLError.drainQueue(), systemError: port.failure,
            refusal: verification.refusal, peer: peerName, ownIdentity: context.identity,
            expected: verification.expected
        ).error
    }

    private var peerName: String {
        if case .open(let identity) = phase { return "\(identity) at \(peerAddress)" }
        return "the peer at \(peerAddress)"
    }
}

extension Interest {
    /// - Parameter status: What SSL_get_error gave; nil unless the call only has to wait. A write may have to wait for
    ///   bytes and a read for room.
    fileprivate init?(waitingFor status: Int32) {
        switch status {
        case SSL_ERROR_WANT_READ: self = .readable
        case SSL_ERROR_WANT_WRITE: self = .writable
        default: return nil
        }
    }
}
