//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why a link or a process of a run could not go on.
package struct ClusterError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// The peer does not read what is sent to it.
        case peerTakesNothing
        /// The peer ended the connection.
        case peerClosed
        /// The peer sent a message that has no place at that point.
        case unexpectedMessage
        /// The coordinator did not take this worker, and never will.
        case refused
        /// The coordinator has no place for this worker at present.
        case refusedForNow
        /// The coordinator is there, and wants to be asked again later.
        case setAside
        /// The coordinator cannot be reached, or was not heard of.
        case coordinatorLost
        /// The user stopped a run that was waiting for workers.
        case stopped
        /// The run failed; the message says where.
        case runFailed
        /// Model, data or configuration cannot be used together.
        case badSetup
    }
    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
