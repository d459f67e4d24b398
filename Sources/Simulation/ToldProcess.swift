//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import SecureTransport

/// A process that was started with a socket as its standard input, over which it tells events and takes orders.
///
/// `@unchecked Sendable`: everything in it is set once, and `Process` may be asked from any thread.
final class ToldProcess: @unchecked Sendable {
    private let process = Process()
    /// Our end.
    private let descriptor: Int32

    /// Starts the process.
    ///
    /// It shares our standard output and error.
    /// - Parameters:
    ///   - told: Called with each event, on a thread of its own.
    ///   - ended: Called with the exit code, or nil if a signal ended it, after the last event.
    init(
        executable: String, arguments: [String], told: @escaping @Sendable (ToldEvent) -> Void,
        ended: @escaping @Sendable (_ exitCode: Int32?) -> Void
    ) throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw TransportError(.exhausted, "cannot make a pair of sockets (errno \(errno))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        descriptor = ends[0]
        let theirs = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = theirs
        do {
            try process.run()
        } catch {
            _ = Glibc.close(ends[0])
            throw error
        }
        try theirs.close()
        let thread = Thread { [self] in
            var reader = LineSocket.Reader(descriptor: descriptor, limit: RunEvent.lineLimit)
            while let line = reader.next() {
                if let event = ToldEvent(line: line) { told(event) }
            }
            process.waitUntilExit()
            ended(process.terminationReason == .exit ? process.terminationStatus : nil)
        }
        thread.name = "events"
        thread.start()
    }

    deinit {
        _ = Glibc.close(descriptor)
    }

    /// Gives an order; one that is gone does not hear it.
    func order(_ order: RunOrder) {
        LineSocket.write(order.line, to: descriptor)
    }

    func signal(_ signal: Int32) {
        if process.isRunning { kill(process.processIdentifier, signal) }
    }

    var isRunning: Bool { process.isRunning }
}
