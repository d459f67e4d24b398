//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Testing

/// What happens when the process may open no more files.
///
/// The test runs in a process of its own, which it starves.
@Suite struct ExhaustionTests {
    @Test("Out of descriptors, a listener turns callers away and then goes on")
    func listenerSurvives() async {
        await #expect(processExitsWith: .success) {
            let listener = try Listener(on: Endpoint(parsing: "127.0.0.1:0"))
            let callers = try (0..<3).map { _ in
                PlainSocket(try StreamSocket.connect(to: listener.localEndpoint, until: .after(.seconds(20))))
            }
            // A first call, in which the resolver and the clock open what they need.
            let first = try PlainSocket(Loopback.accept(from: listener, until: .after(.seconds(20))))
            var hoard: [Int32] = []
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            let status = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            precondition(status == 0, "cannot lower the limit of open files")
            while true {
                let number = dup(listener.descriptor)
                if number < 0 { break }
                hoard.append(number)
            }
            guard case .turnedAway(let error) = try listener.accept() else {
                preconditionFailure("accepted without a free descriptor")
            }
            precondition(error.code == .exhausted && error.message.contains("ulimit -n"), "\(error)")
            for number in hoard { close(number) }
            // The second caller was turned away, the third still waits.
            let third = try PlainSocket(Loopback.accept(from: listener, until: .after(.seconds(20))))
            guard case .wouldBlock = try listener.accept() else { preconditionFailure("a fourth caller") }
            precondition(first.descriptor != third.descriptor && callers.count == 3, "two callers, one descriptor")
        }
    }
}
