//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What went wrong with a host, a remote command or a process under supervision.
///
/// `code` is for programs; `message` says which host, what was expected, what was found and what to try.
package struct SupervisionError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    package enum Code: Hashable, Sendable {
        /// The hostfile breaks its grammar or names a host twice, or an option makes no sense.
        case badSetup
        /// A program cannot be started on this machine.
        case cannotStart
        /// A host does not answer to ssh, or refuses us.
        case unreachable
        /// A deadline passed.
        case timedOut
        /// The user asked for an end.
        case interrupted
        /// A remote command ended with a failure, or said what we cannot read.
        case remoteFailure
        /// A file on this machine cannot be read or written.
        case file
        /// A run, or a part of one, is not where it should be.
        case noSuchRun
        /// The run ended because a process or a host of it did.
        case runFailed
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
