//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// What one end of a connection brings along: whom it trusts, its own certificate and its key.
package struct TLSCredentials: Sendable {
    /// Certificates of authorities; only these are trusted, never those of the machine.
    let authorities: [Certificate]
    /// The own certificate, followed by intermediate ones where there are any.
    let chain: [Certificate]
    let key: PrivateKey
    /// Who we are.
    package let identity: PeerIdentity

    /// Reads credentials from PEM files and checks that peers can accept them.
    /// - Throws: `.fileUnreadable`, `.badPEM`, `.exposedKey`; `.keyMismatch` where key and certificate do not belong
    ///   together; `.badIdentity` where the certificate names nobody; `.untrustedCertificate` where it is of another
    ///   authority than `authorityFile`; `.expiredCertificate`, `.notYetValidCertificate`.
    package init(authorityFile: String, certificateFile: String, keyFile: String) throws {
        authorities = try PEM.certificates(in: CredentialFiles.read(authorityFile), from: authorityFile)
        chain = try PEM.certificates(in: CredentialFiles.read(certificateFile), from: certificateFile)
        key = try PEM.privateKey(in: CredentialFiles.readKey(keyFile), from: keyFile)
        do {
            identity = try chain[0].identity()
        } catch let error as TransportError {
            throw TransportError(error.code, "\(certificateFile): \(error.message)")
        }
        ERR_clear_error()
        guard X509_check_private_key(chain[0].x509, key.pkey) == 1 else {
            throw TransportError.openSSL(.keyMismatch, "\(keyFile) is not the key of \(certificateFile)")
        }
        if let problem = try verifyOwnChain() {
            throw TransportError(problem.code, "\(certificateFile): \(problem.message) (authority: \(authorityFile))")
        }
    }

    /// Takes fresh credentials from the authority, without files and without checking them.
    /// - Parameter authorities: Whom to trust: nil for the authority that issued them; more than one while a cluster
    ///   changes over from one authority to the next.
    /// - Throws: `.badIdentity`.
    package init(_ issued: IssuedCertificate, trusting authorities: [CertificateAuthority]? = nil) throws {
        self.authorities = authorities?.map(\.certificate) ?? [issued.authority]
        chain = [issued.certificate]
        key = issued.key
        identity = try issued.certificate.identity()
    }

    /// Takes fresh credentials from the authority, without files, and trusts authorities given as texts.
    /// - Parameter texts: Certificates of authorities in PEM.
    /// - Throws: `.badPEM` where one is none; `.badIdentity`.
    package init(_ issued: IssuedCertificate, trustingTexts texts: [String]) throws {
        authorities = try texts.flatMap { try PEM.certificates(in: Array($0.utf8), from: "an authority's text") }
        chain = [issued.certificate]
        key = issued.key
        identity = try issued.certificate.identity()
    }

    /// What the own certificate says.
    package var summary: CertificateSummary { CertificateSummary(chain[0]) }

    /// Verifies the own chain as a peer with the same authorities would.
    /// - Returns: What a peer would refuse it for; nil for nothing.
    private func verifyOwnChain() throws -> TransportError? {
        guard let store = X509_STORE_new(), let context = X509_STORE_CTX_new(), let others = OPENSSL_sk_new_null()
        else {
            throw TransportError.openSSL("no memory for OpenSSL")
        }
        defer {
            X509_STORE_CTX_free(context)
            X509_STORE_free(store)
            OPENSSL_sk_free(others)
        }
        for authority in authorities where X509_STORE_add_cert(store, authority.x509) != 1 {
            throw TransportError.openSSL("cannot trust \(Certificate.subject(of: authority.x509))")
        }
        for certificate in chain.dropFirst() {
            OPENSSL_sk_push(others, UnsafeRawPointer(certificate.x509))
        }
        guard X509_STORE_CTX_init(context, store, chain[0].x509, others) == 1 else {
            throw TransportError.openSSL("cannot verify a certificate")
        }
        if X509_verify_cert(context) == 1 { return nil }
        OpenSSLError.drainQueue()
        return CertificateProblem.describe(context, of: "this certificate")
    }
}

/// Words for what OpenSSL finds wrong with a certificate.
enum CertificateProblem {
    /// - Parameters:
    ///   - context: A verification that failed.
    ///   - owner: Whose certificate it is, to begin the message with.
    static func describe(_ context: OpaquePointer, of owner: String) -> TransportError {
        let number = X509_STORE_CTX_get_error(context)
        let text = X509_verify_cert_error_string(Int(number)).map { String(cString: $0) } ?? "error \(number)"
        let current = X509_STORE_CTX_get_current_cert(context)
        let subject = current.map(Certificate.subject) ?? "unknown subject"
        let validity = current.map(Certificate.validity) ?? (0, 0)
        let now = CalendarTime.text(CalendarTime.now())
        switch number {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return TransportError(
                .expiredCertificate,
                "\(owner) (\(subject)) expired at \(CalendarTime.text(validity.1)); here it is \(now). "
                    + "Issue a new one (loradrop certs issue), or set the clock right")
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return TransportError(
                .notYetValidCertificate,
                "\(owner) (\(subject)) is valid from \(CalendarTime.text(validity.0)) only; here it is \(now). "
                    + "Do the clocks of both machines agree?")
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE:
            let issuer = current.map(Certificate.issuer) ?? "unknown issuer"
            return TransportError(
                .untrustedCertificate,
                "\(owner) (\(subject)) was issued by another certificate authority (\(issuer)) than ours: \(text). "
                    + "Both ends need certificates of one authority")
        default:
            return TransportError(.badCertificate, "\(owner) (\(subject)) does not verify: \(text)")
        }
    }
}
