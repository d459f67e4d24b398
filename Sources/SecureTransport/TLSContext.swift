//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// What all TLS connections of a process have in common, in both directions: TLS 1.3 (RFC 8446) with certificates on
/// both ends.
///
/// There are no sessions to resume and no early data: each connection authenticates anew. Renegotiation does not exist
/// in TLS 1.3.
///
/// `@unchecked Sendable`: the SSL_CTX is not changed after `init`, and OpenSSL's SSL_new may be called on it from any
/// thread.
package final class TLSContext: @unchecked Sendable {
    let context: OpaquePointer
    /// Who we are, as peers see it.
    package let identity: PeerIdentity

    /// Largest certificate message of a peer, in bytes: what somebody who is not authenticated yet can make us keep.
    private static let largestCertificateList = 16 << 10

    /// After so many records a connection takes a new key for what it sends.
    let recordsPerKey: Int

    /// - Parameter recordsPerKey: After how many records a connection takes a new key for what it sends. RFC 8446 (5.5)
    ///   allows 2^24.5 full records under one AES-GCM key, some 390 GB, which a long training run reaches; OpenSSL does
    ///   not update keys by itself. Tests make it small.
    /// - Throws: `.keyMismatch`, `.cryptography`.
    package init(_ credentials: TLSCredentials, recordsPerKey: Int = 1 << 22) throws {
        precondition(recordsPerKey > 0, "\(recordsPerKey) records a key")
        self.recordsPerKey = recordsPerKey
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_method()) else { throw TransportError.openSSL("cannot make a TLS context") }
        self.context = context
        identity = credentials.identity

        try TLSContext.check(
            copenssl_set_protocol_versions(context, TLS1_3_VERSION, TLS1_3_VERSION), "restrict the protocol to TLS 1.3")
        // AES-128-GCM first: 10 rounds for AES-256's 14, and both are out of anybody's reach.
        try TLSContext.check(
            SSL_CTX_set_ciphersuites(
                context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"),
            "set the cipher suites")
        try TLSContext.check(copenssl_set_groups(context, "X25519:P-256"), "set the key exchange groups")
        SSL_CTX_set_options(context, copenssl_options())
        copenssl_disable_session_cache(context)
        try TLSContext.check(SSL_CTX_set_num_tickets(context, 0), "switch session tickets off")
        // Partial writes and moving buffers: a caller may hand the rest of its bytes over from another place.
        // Released buffers: an idle connection keeps no 16 KiB buffers.
        copenssl_set_mode(
            context,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
                | Int(SSL_MODE_RELEASE_BUFFERS) | Int(SSL_MODE_AUTO_RETRY))
        copenssl_set_largest_certificate_list(context, TLSContext.largestCertificateList)

        try trust(credentials.authorities)
        try present(credentials)
    }

    deinit {
        SSL_CTX_free(context)
    }

    private func trust(_ authorities: [Certificate]) throws {
        let store = SSL_CTX_get_cert_store(context)
        for authority in authorities {
            try TLSContext.check(
                X509_STORE_add_cert(store, authority.x509), "trust \(Certificate.subject(of: authority.x509))")
        }
        try TLSContext.check(
            X509_STORE_set_flags(store, UInt(X509_V_FLAG_X509_STRICT)), "verify certificates strictly")
        SSL_CTX_set_verify_depth(context, 3)
        SSL_CTX_set_verify(
            context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            { isSound, verification in PeerVerification.step(isSound, verification) })
    }

    private func present(_ credentials: TLSCredentials) throws {
        try TLSContext.check(
            SSL_CTX_use_certificate(context, credentials.chain[0].x509), "use the certificate of \(identity)")
        for certificate in credentials.chain.dropFirst() {
            try TLSContext.check(
                copenssl_add_chain_certificate(context, certificate.x509), "add an intermediate certificate")
        }
        try TLSContext.check(SSL_CTX_use_PrivateKey(context, credentials.key.pkey), "use the key of \(identity)")
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw TransportError.openSSL(.keyMismatch, "key and certificate of \(identity) do not belong together")
        }
    }

    private static func check(_ status: Int32, _ what: String) throws {
        guard status == 1 else { throw TransportError.openSSL("cannot \(what)") }
    }
}
