//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// Texts of `errno`, and calls repeated when a signal interrupts them.
enum SystemErrors {
    static func text(_ number: Int32) -> String {
        guard let text = strerror(number) else { return "error \(number)" }
        return "\(String(cString: text)) (errno \(number))"
    }

    /// Makes a system call again for as long as it fails with EINTR.
    /// - Returns: Its result, and `errno` as it was right after where the result is negative (0 otherwise): anything
    ///   between, even the release of an object, may change `errno`.
    @inline(__always)
    static func retrying<Result: SignedInteger>(_ call: () -> Result) -> (result: Result, errno: Int32) {
        while true {
            let result = call()
            if result >= 0 { return (result, 0) }
            let number = errno
            if number != EINTR { return (result, number) }
        }
    }
}

/// A file descriptor that is closed when its owner goes.
struct OwnedDescriptor: ~Copyable, Sendable {
    let number: Int32

    /// - Precondition: `number` is an open descriptor that nobody else closes.
    init(owning number: Int32) {
        precondition(number >= 0, "descriptor \(number)")
        self.number = number
    }

    deinit {
        // EINTR from close on Linux means closed; any other failure leaves nothing to do.
        _ = Glibc.close(number)
    }
}
