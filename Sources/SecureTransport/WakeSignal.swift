//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// Ends another thread's wait: a pipe to oneself whose reading end a `Poller` watches beside the sockets.
///
/// `fire` may be called from any thread, any number of times; one `clear` takes them all. Everything written before
/// `fire` is seen after `clear`, as the kernel orders the two. (An eventfd would do with one descriptor, but the Glibc
/// module does not offer it.)
package final class WakeSignal: Sendable {
    /// To be waited for as `.readable`; open for as long as this object lives.
    package let descriptor: Int32
    private let writingEnd: Int32

    /// - Throws: `.exhausted` where the process has no descriptor left.
    package init() throws {
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) < 0 {
            throw TransportError(.exhausted, "cannot make a wake signal", errno: errno)
        }
        descriptor = ends[0]
        writingEnd = ends[1]
        for end in ends { try SocketOption.makeNonBlocking(end) }
    }

    deinit {
        _ = Glibc.close(descriptor)
        _ = Glibc.close(writingEnd)
    }

    /// Makes the descriptor readable.
    package func fire() {
        var token: UInt8 = 1
        let (_, number) = SystemErrors.retrying { write(writingEnd, &token, 1) }
        // EAGAIN: the pipe is full, so the signal stands already.
        precondition(number == 0 || number == EAGAIN, "cannot fire a wake signal: \(SystemErrors.text(number))")
    }

    /// Takes the signal back.
    /// - Returns: Whether it had been fired since the last time.
    @discardableResult
    package func clear() -> Bool {
        var wasFired = false
        let tokens = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 1)
        defer { tokens.deallocate() }
        while true {
            let (_, number) = SystemErrors.retrying { read(descriptor, tokens.baseAddress, tokens.count) }
            if number == EAGAIN { return wasFired }
            precondition(number == 0, "cannot clear a wake signal: \(SystemErrors.text(number))")
            wasFired = true
        }
    }
}
