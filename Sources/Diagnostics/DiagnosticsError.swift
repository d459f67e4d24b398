//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why a host could not be asked.
package struct DiagnosticsError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The command that reaches the host ended, or could not be started.
        case sessionEnded
        /// No answer came in time.
        case noAnswer
        /// The answer is none of ours, or of another build.
        case badAnswer
        /// The examination was asked for something that is none: a host twice, no hosts.
        case badRequest
    }

    package let code: Code
    package let message: String
    /// The exit status of the command that reaches the host; 128 and the signal's number for a signal.
    package let status: Int32?

    package init(_ code: Code, _ message: String, status: Int32? = nil) {
        self.code = code
        self.message = message
        self.status = status
    }

    package var description: String { message }
}
