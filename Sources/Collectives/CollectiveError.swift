//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Why an exchange between workers did not finish.
package struct CollectiveError: Error, Hashable, CustomStringConvertible {
    /// What happened, as a value.
    package enum Code: Hashable, Sendable {
        /// A peer's link closed or broke.
        case peerLost
        /// The deadline passed; `peers` are those who were awaited.
        case deadlinePassed
        /// A peer sent something else than this exchange expects.
        case unexpectedData
    }

    package let code: Code
    /// The worker ranks that it is about, ascending.
    package let peers: [Int]
    /// Expected, found, where.
    package let message: String

    package init(_ code: Code, peers: [Int], _ message: String) {
        self.code = code
        self.peers = peers.sorted()
        self.message = message
    }

    package var description: String {
        message
    }
}
