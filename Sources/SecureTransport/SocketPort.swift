//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL
import Glibc

/// How OpenSSL reads and writes our sockets: a BIO of our own in place of OpenSSL's.
///
/// OpenSSL's socket BIO calls write(2), which raises SIGPIPE where the peer has gone; ours sends with MSG_NOSIGNAL and
/// so leaves the signal handling of the process alone. It also keeps `errno` from the moment of the call. It belongs to
/// one connection and is used by the thread that drives it.
final class SocketPort {
    private let descriptor: Int32
    /// The `errno` of the last failed call that was not just "would block"; 0 for none.
    private(set) var failure: Int32 = 0

    /// Whether more bytes are handed over right after the next ones, so that the kernel need not send a short packet and
    /// wake the receiver for these alone.
    var moreFollows = false

    /// A record that found no room and was taken all the same, see `withoutBlocking`.
    private var overflow: [UInt8] = []
    private var takesOverflow = false

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Lets OpenSSL write a small record of its own during `body`, whether there is room or not.
    ///
    /// What does not fit goes out before the next bytes. Without this a key update that finds the socket full would
    /// keep OpenSSL from reading too, and two ends that update at the same time would wait for each other for ever.
    func withoutBlocking<Result>(_ body: () -> Result) -> Result {
        takesOverflow = true
        defer { takesOverflow = false }
        return body()
    }

    /// Gives `ssl` a BIO over this port for both directions.
    ///
    /// The port must live as long as `ssl`.
    func attach(to ssl: OpaquePointer) throws {
        guard let method = SocketPort.method.pointer, let bio = BIO_new(method) else {
            throw TransportError.openSSL("cannot make a BIO")
        }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        // Takes the one reference, as reading and writing BIO are the same.
        SSL_set_bio(ssl, bio, bio)
    }

    private func receive(_ buffer: UnsafeMutablePointer<CChar>?, _ count: Int32, _ bio: OpaquePointer) -> Int32 {
        BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
        let (received, number) = SystemErrors.retrying { recv(descriptor, buffer, Int(count), 0) }
        if received > 0 { return Int32(received) }
        if received == 0 {
            BIO_set_flags(bio, BIO_FLAGS_IN_EOF)
        } else if number == EAGAIN {
            BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        } else {
            failure = number
        }
        return Int32(received)
    }

    private func send(_ bytes: UnsafePointer<CChar>?, _ count: Int32, _ bio: OpaquePointer) -> Int32 {
        BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
        let offered = UnsafeRawBufferPointer(start: bytes, count: Int(count))
        var (sent, number) = sendOverflow()
        if number == 0 { (sent, number) = sendNow(offered) }
        if takesOverflow && (number == EAGAIN || (number == 0 && sent < offered.count)) {
            overflow += offered[max(0, sent)...]
            return count
        }
        if number == EAGAIN {
            BIO_set_flags(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
        } else if number != 0 {
            failure = number
        }
        return Int32(sent)
    }

    /// Sends what was kept; the result counts as -1 and EAGAIN where some is left.
    private func sendOverflow() -> (sent: Int, errno: Int32) {
        while !overflow.isEmpty {
            let (sent, number) = overflow.withUnsafeBytes { sendNow($0) }
            if number != 0 { return (sent, number) }
            overflow.removeFirst(sent)
        }
        return (0, 0)
    }

    private func sendNow(_ bytes: UnsafeRawBufferPointer) -> (sent: Int, errno: Int32) {
        let flags = moreFollows ? Int32(MSG_NOSIGNAL | MSG_MORE) : Int32(MSG_NOSIGNAL)
        let (sent, number) = SystemErrors.retrying {
            Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags)
        }
        return (sent, number)
    }

    private static func of(_ bio: OpaquePointer) -> SocketPort? {
        BIO_get_data(bio).map { Unmanaged<SocketPort>.fromOpaque($0).takeUnretainedValue() }
    }

    /// The table of our calls, made once.
    ///
    /// `@unchecked Sendable`: never changed after `init`; OpenSSL only reads it.
    private final class Method: @unchecked Sendable {
        let pointer: OpaquePointer?

        init() {
            pointer = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "loradrop socket")
            BIO_meth_set_read(pointer) { bio, buffer, count in
                guard let bio, let port = SocketPort.of(bio) else { return -1 }
                return port.receive(buffer, count, bio)
            }
            BIO_meth_set_write(pointer) { bio, bytes, count in
                guard let bio, let port = SocketPort.of(bio) else { return -1 }
                return port.send(bytes, count, bio)
            }
            BIO_meth_set_ctrl(pointer) { bio, command, _, _ in
                switch command {
                case BIO_CTRL_FLUSH: 1
                case BIO_CTRL_EOF: BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0
                default: 0
                }
            }
        }
    }

    private static let method = Method()
}
