//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// How far a handshake is.
package enum HandshakeStatus: Hashable, Sendable {
    /// The peer is authenticated (for a client see `TLSConnection.progressHandshake`); bytes may flow.
    case done
    /// Wait for `interest`, then go on.
    case waiting
}

/// What a read or a write achieved.
package enum IOOutcome: Hashable, Sendable {
    /// So many bytes, at least one.
    case bytes(Int)
    /// None at present: wait for `readInterest` or `writeInterest`, then call again.
    case wouldBlock
    /// The peer said farewell; no byte is missing and none will follow.
    case closed
}
