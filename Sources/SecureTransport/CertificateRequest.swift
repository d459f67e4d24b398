//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// A request for a certificate (PKCS #10, RFC 2986): how a key that never leaves its machine is certified on another.
///
/// It proves that whoever made it holds the key, and says nothing about who that is: the authority's side decides which
/// identity the key gets, by the way on which the request came.
package struct CertificateRequest: Sendable {
    let key: PrivateKey

    /// A request is a key, a name and a signature; more is somebody's attempt.
    private static let largestByteCount = 16_384

    /// Reads a request and checks that it was signed with the key it asks for.
    /// - Parameter source: Where the text is from, for the error.
    /// - Throws: `.badPEM`; `.keyMismatch` for a wrong signature; `.badCertificate` for a key that is not on P-256.
    package init(pem: String, from source: String) throws {
        let bytes = Array(pem.utf8)
        guard bytes.count <= Self.largestByteCount else {
            throw TransportError(.badPEM, "\(source): a certificate request of \(bytes.count) bytes")
        }
        key = try MemoryBIO.read(bytes) { bio in
            guard let request = PEM_read_bio_X509_REQ(bio, nil, { _, _, _, _ in -1 }, nil) else {
                throw TransportError.openSSL(.badPEM, "\(source): expected a certificate request in PEM")
            }
            defer { X509_REQ_free(request) }
            guard let pkey = X509_REQ_get_pubkey(request) else {
                throw TransportError.openSSL(.badPEM, "\(source): a certificate request without a readable key")
            }
            let key = PrivateKey(owning: pkey)
            guard EVP_PKEY_is_a(pkey, "EC") == 1, EVP_PKEY_get_bits(pkey) == 256 else {
                throw TransportError(.badCertificate, "\(source): a certificate request for a key that is not on P-256")
            }
            guard X509_REQ_verify(request, pkey) == 1 else {
                throw TransportError.openSSL(
                    .keyMismatch, "\(source): a certificate request that was not signed with its own key")
            }
            return key
        }
    }

    /// The text of a request for a key.
    static func text(for key: PrivateKey, name: String) throws -> [UInt8] {
        ERR_clear_error()
        guard let request = X509_REQ_new() else { throw TransportError.openSSL("cannot make a certificate request") }
        defer { X509_REQ_free(request) }
        guard X509_REQ_set_version(request, 0) == 1,
            X509_NAME_add_entry_by_txt(
                X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1,
            X509_REQ_set_pubkey(request, key.pkey) == 1, X509_REQ_sign(request, key.pkey, EVP_sha256()) > 0
        else { throw TransportError.openSSL("cannot make a certificate request") }
        return try MemoryBIO.write { PEM_write_bio_X509_REQ($0, request) == 1 }
    }
}

extension CertificateFolder {
    /// Makes a key for a peer where it is used, and a request to have it certified elsewhere.
    /// - Returns: The request in PEM; the key stays here, in a new file with mode 0600.
    /// - Throws: `.badIdentity` for a bad name, `.fileExists`, `.fileUnwritable`.
    package func makeRequest(for name: String) throws -> String {
        // The grammar alone: who signs says in what role.
        _ = try PeerIdentity(role: .coordinator, name: name)
        let key = try PrivateKey.make()
        let request = try CertificateRequest.text(for: key, name: name)
        try CredentialFiles.makeFolder(path)
        try CredentialFiles.requireAbsence(of: certificateFile(of: name))
        try CredentialFiles.write(try PEM.text(of: key), toNew: keyFile(of: name), mode: 0o600)
        return request.text
    }

    /// Certifies a key that was made elsewhere, with this folder's authority.
    /// - Returns: The certificate in PEM, and the authority's.
    /// - Throws: As `CertificateRequest.init` and `CertificateAuthority.issue`.
    package func certify(
        _ request: CertificateRequest, as identity: PeerIdentity, validForHours hours: Int
    ) throws -> (certificate: String, authority: String) {
        let authority = try authority()
        let signed = try authority.certify(request, as: identity, validForHours: hours)
        return (try PEM.text(of: signed).text, try PEM.text(of: authority.certificate).text)
    }

    /// Puts a certificate beside the key that it was made for.
    /// - Throws: `.badPEM`, `.keyMismatch` where it is of another key; `.fileExists`, `.fileUnwritable`.
    package func accept(certificate: String, authority: String, for name: String) throws {
        let own = try PEM.certificates(in: Array(certificate.utf8), from: "the certificate of \(name)")[0]
        let root = try PEM.certificates(in: Array(authority.utf8), from: "the authority's certificate")[0]
        let key = try PEM.privateKey(in: CredentialFiles.readKey(keyFile(of: name)), from: keyFile(of: name))
        ERR_clear_error()
        guard X509_check_private_key(own.x509, key.pkey) == 1 else {
            throw TransportError.openSSL(.keyMismatch, "\(keyFile(of: name)) is not the key of the certificate for it")
        }
        let rootText = try PEM.text(of: root)
        do {
            try CredentialFiles.write(rootText, toNew: authorityFile, mode: 0o644)
        } catch let error as TransportError where error.code == .fileExists {
            // Several workers of one host share the folder, and have the same authority.
            guard try CredentialFiles.read(authorityFile) == rootText else { throw error }
        }
        try CredentialFiles.write(try PEM.text(of: own), toNew: certificateFile(of: name), mode: 0o644)
    }
}
