//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What went wrong with an address, a socket, a certificate or a TLS connection.
///
/// `code` is for programs; `message` says where (which peer, which file), what was expected, what was found and what
/// to try.
package struct TransportError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    package enum Code: Hashable, Sendable {
        // Addresses and sockets.
        /// A text that is no `host:port`.
        case badEndpoint
        /// The resolver knows no address for a host name.
        case unresolvable
        /// Nothing answers at an address.
        case unreachable
        /// Somebody listens on the port already.
        case portInUse
        /// The address to listen on does not belong to this machine, or may not be used.
        case addressUnavailable
        /// A deadline passed.
        case timedOut
        /// A `WakeSignal` ended the wait.
        case cancelled
        /// The process or the machine is out of descriptors or memory for sockets.
        case exhausted
        /// Another failure of the operating system.
        case system

        // The peer's certificate, seen from our side.
        /// It was issued by another certificate authority.
        case untrustedCertificate
        /// Its validity ended.
        case expiredCertificate
        /// Its validity has not begun.
        case notYetValidCertificate
        /// The peer sent none.
        case missingCertificate
        /// It does not verify for another reason, or carries no readable identity.
        case badCertificate
        /// It is sound, but of somebody else than expected.
        case identityRefused

        // The connection.
        /// The peer refused us and said so in a TLS alert.
        case refusedByPeer
        /// What arrives is not TLS at all.
        case notTLS
        /// The peer speaks no TLS 1.3.
        case protocolVersion
        /// The peer breaks the TLS protocol, or bytes were damaged on the way.
        case protocolViolation
        /// The peer closed before the handshake was done.
        case closedDuringHandshake
        /// The stream ended without the peer's farewell (close_notify): bytes may be missing.
        case truncated
        /// The operating system reports the connection as broken.
        case connectionLost

        // Identities, keys and files.
        /// A name or an identity that breaks the grammar.
        case badIdentity
        /// A file that would be overwritten.
        case fileExists
        /// A file that cannot be read.
        case fileUnreadable
        /// A file that cannot be written.
        case fileUnwritable
        /// A private key that other users can read.
        case exposedKey
        /// A file that is no PEM of the kind expected.
        case badPEM
        /// A private key and a certificate that do not belong together.
        case keyMismatch
        /// OpenSSL failed where it should not.
        case cryptography
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A failed system call.
    /// - Parameter number: The `errno` it left.
    init(_ code: Code, _ what: String, errno number: Int32) {
        self.init(code, "\(what): \(SystemErrors.text(number))")
    }

    package var description: String { message }
}
