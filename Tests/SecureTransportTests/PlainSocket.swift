//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import SecureTransport

/// A TCP connection without TLS, for playing peers that break the rules.
final class PlainSocket {
    private var socket: StreamSocket?

    init(_ socket: consuming StreamSocket) {
        self.socket = consume socket
    }

    var descriptor: Int32 { socket?.descriptor ?? -1 }

    /// Sends all of `bytes`, which must fit into the socket's buffers.
    func send(_ bytes: [UInt8]) {
        let sent = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        precondition(sent == bytes.count, "sent \(sent) of \(bytes.count) bytes")
    }

    /// What has arrived, at most `limit` bytes; nil at the end of the stream.
    func receive(upTo limit: Int = 64 << 10) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &bytes, limit, 0)
        return count == 0 ? nil : Array(bytes.prefix(max(0, count)))
    }

    func close() {
        socket = nil
    }
}
