//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// The check of one peer's certificate and identity, within the handshake: so a refused peer gets a TLS alert and
/// never sees the connection open.
///
/// OpenSSL calls `step` once for each certificate that is sound, from the authority down to the peer's own, and once
/// for each problem. The object belongs to one connection and is used by the thread that drives it.
final class PeerVerification {
    private let expectation: PeerExpectation
    private let peerAddress: Endpoint
    /// The peer, once it is verified.
    private(set) var identity: PeerIdentity?
    /// Why it was refused.
    private(set) var refusal: TransportError?

    init(expecting expectation: PeerExpectation, at peerAddress: Endpoint) {
        self.expectation = expectation
        self.peerAddress = peerAddress
    }

    /// Whom the peer should be, for messages.
    var expected: String { expectation.description }

    /// Makes `ssl` find this object in `step`; it must live as long as `ssl`.
    func attach(to ssl: OpaquePointer) {
        let status = SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        precondition(status == 1, "OpenSSL keeps no pointer for a connection")
    }

    /// The callback of `SSL_CTX_set_verify`.
    /// - Returns: 1 to go on, 0 to refuse the peer.
    static func step(_ isSound: Int32, _ context: OpaquePointer?) -> Int32 {
        guard let context,
            let ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let own = SSL_get_ex_data(OpaquePointer(ssl), 0)
        else { return 0 }
        let verification = Unmanaged<PeerVerification>.fromOpaque(own).takeUnretainedValue()
        return verification.step(isSound: isSound == 1, context) ? 1 : 0
    }

    private func step(isSound: Bool, _ context: OpaquePointer) -> Bool {
        if !isSound {
            refusal = CertificateProblem.describe(context, of: "the certificate of the peer at \(peerAddress)")
            return false
        }
        guard X509_STORE_CTX_get_error_depth(context) == 0 else { return true }
        guard let certificate = X509_STORE_CTX_get_current_cert(context) else { return false }
        do {
            let found = try Certificate.identity(of: certificate)
            guard let reason = expectation.refusal(of: found) else {
                identity = found
                return true
            }
            refusal = TransportError(
                .identityRefused,
                "the peer at \(peerAddress) is \(found), expected \(expectation): \(reason)")
        } catch {
            refusal = TransportError(.badCertificate, "the peer at \(peerAddress), expected \(expectation): \(error)")
        }
        X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION)
        return false
    }
}
