//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// A certificate authority of our own: EC P-256, signs with ECDSA and SHA-256, one per run or per cluster.
///
/// Whoever holds its key can be anybody in the run: it belongs on one machine and is not needed while training.
package struct CertificateAuthority: Sendable {
    let certificate: Certificate
    private let key: PrivateKey

    /// Certificates begin to be valid so many seconds before they are made, as clocks of machines differ.
    package static let backdating: Int64 = 300

    private init(certificate: Certificate, key: PrivateKey) {
        self.certificate = certificate
        self.key = key
    }

    /// Makes an authority with a new key.
    /// - Parameters:
    ///   - run: The run it is for, part of its name; nil for one that serves many.
    ///   - hours: How long it is valid.
    ///   - time: Now, in seconds since 1970.
    /// - Throws: `.badIdentity` for a bad name of a run, `.cryptography`.
    /// - Precondition: `hours` is positive.
    package static func make(
        run: String? = nil, validForHours hours: Int, at time: Int64 = CalendarTime.now()
    ) throws -> CertificateAuthority {
        precondition(hours > 0, "an authority for \(hours) hours")
        if let run { try PeerIdentity.check(run, is: "name of a run") }
        let key = try PrivateKey.make()
        var draft = try CertificateDraft(
            commonName: "loradrop CA", unit: run, notBefore: time - backdating, notAfter: time + Int64(hours) * 3600)
        try draft.setPublicKey(key)
        try draft.setIssuer(nil)
        try draft.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign")
        try draft.add(NID_subject_key_identifier, "hash")
        return CertificateAuthority(certificate: try draft.sign(with: key), key: key)
    }

    /// Reads an authority from its files.
    /// - Throws: `.fileUnreadable`, `.badPEM`, `.exposedKey`; `.keyMismatch` where the two files do not belong together;
    ///   `.badCertificate` where the certificate is no authority's.
    package init(certificateFile: String, keyFile: String) throws {
        certificate = try PEM.certificates(in: CredentialFiles.read(certificateFile), from: certificateFile)[0]
        key = try PEM.privateKey(in: CredentialFiles.readKey(keyFile), from: keyFile)
        ERR_clear_error()
        guard X509_check_ca(certificate.x509) == 1 else {
            throw TransportError(
                .badCertificate, "\(certificateFile): expected a certificate authority, found \(summary.subject)")
        }
        guard X509_check_private_key(certificate.x509, key.pkey) == 1 else {
            throw TransportError.openSSL(.keyMismatch, "\(keyFile) is not the key of \(certificateFile)")
        }
    }

    /// What its certificate says.
    package var summary: CertificateSummary { CertificateSummary(certificate) }

    /// The run it is for; nil for one that serves many.
    package var run: String? { Certificate.organizationalUnit(of: certificate.x509) }

    /// Its certificate in PEM, for those who are to trust it.
    /// - Throws: `.cryptography`.
    package var certificateText: String {
        get throws { String(decoding: try PEM.text(of: certificate), as: UTF8.self) }
    }

    /// Makes a key and a certificate for a peer.
    ///
    /// - Parameters:
    ///   - identity: Who the peer is.
    ///   - addresses: IP addresses and DNS names to name beside it; nothing is checked against them.
    ///   - hours: How long it is valid, though never beyond the authority itself.
    ///   - time: Now, in seconds since 1970; the validity begins `backdating` before.
    /// - Throws: `.badIdentity` for an address that is none, or an identity of another run than the authority's;
    ///   `.expiredCertificate` where the authority's own validity
    ///   is over; `.cryptography`.
    /// - Precondition: `hours` is positive.
    package func issue(
        to identity: PeerIdentity, addresses: [String] = [], validForHours hours: Int,
        at time: Int64 = CalendarTime.now()
    ) throws -> IssuedCertificate {
        let key = try PrivateKey.make()
        let signed = try sign(key, of: identity, addresses: addresses, validForHours: hours, at: time)
        return IssuedCertificate(certificate: signed, key: key, authority: certificate)
    }

    /// Certifies a key that was made elsewhere and never leaves it.
    /// - Throws: As `issue`.
    func certify(
        _ request: CertificateRequest, as identity: PeerIdentity, validForHours hours: Int,
        at time: Int64 = CalendarTime.now()
    ) throws -> Certificate {
        try sign(request.key, of: identity, addresses: [], validForHours: hours, at: time)
    }

    private func sign(
        _ subjectKey: PrivateKey, of identity: PeerIdentity, addresses: [String], validForHours hours: Int,
        at time: Int64
    ) throws -> Certificate {
        precondition(hours > 0, "a certificate for \(hours) hours")
        let own = summary
        if let run, identity.run != run {
            throw TransportError(
                .badIdentity, "cannot certify \(identity): the authority is for the run \"\(run)\" only")
        }
        guard time <= own.notAfter else {
            throw TransportError(
                .expiredCertificate,
                "the authority \(own.subject) expired at \(CalendarTime.text(own.notAfter)); make a new one")
        }
        var draft = try CertificateDraft(
            commonName: identity.name, unit: identity.run, notBefore: time - CertificateAuthority.backdating,
            notAfter: min(time + Int64(hours) * 3600, own.notAfter))
        try draft.setPublicKey(subjectKey)
        try draft.setIssuer(certificate)
        try draft.add(NID_basic_constraints, "critical,CA:FALSE")
        try draft.add(NID_key_usage, "critical,digitalSignature")
        // Both: a worker answers on its data port and dials others.
        try draft.add(NID_ext_key_usage, "serverAuth,clientAuth")
        try draft.add(NID_subject_key_identifier, "hash")
        try draft.add(NID_authority_key_identifier, "keyid:always")
        let names = ["URI:\(identity.uri)"] + (try addresses.map(CertificateDraft.alternativeName))
        try draft.add(NID_subject_alt_name, names.joined(separator: ","))
        return try draft.sign(with: key)
    }

    /// Writes certificate and key to new files, the key with mode 0600.
    /// - Throws: `.fileExists`, `.fileUnwritable`; then neither file is left.
    package func write(certificateFile: String, keyFile: String) throws {
        try CredentialPair.write(certificate, key, certificateFile: certificateFile, keyFile: keyFile)
    }

    /// Writes it in place of another authority, whose certificates stay trusted: they follow its own in the file.
    /// - Throws: `.fileUnreadable`, `.badPEM`, `.fileUnwritable`.
    func replace(certificateFile: String, keyFile: String) throws {
        let previous = try PEM.certificates(in: CredentialFiles.read(certificateFile), from: certificateFile)
        let texts = try ([certificate] + previous).flatMap { try PEM.text(of: $0) }
        try CredentialPair.replace(texts, key, certificateFile: certificateFile, keyFile: keyFile)
    }

    /// Leaves only the authority's own certificate in its file.
    /// - Throws: `.fileUnwritable`.
    func retirePrevious(certificateFile: String) throws {
        try CredentialFiles.write(PEM.text(of: certificate), inPlaceOf: certificateFile, mode: 0o644)
    }
}

/// A key and the certificate for it, fresh from the authority.
package struct IssuedCertificate: Sendable {
    let certificate: Certificate
    let key: PrivateKey
    let authority: Certificate

    /// What the certificate says.
    package var summary: CertificateSummary { CertificateSummary(certificate) }

    /// Writes certificate and key to new files, the key with mode 0600.
    /// - Throws: `.fileExists`, `.fileUnwritable`; then neither file is left.
    package func write(certificateFile: String, keyFile: String) throws {
        try CredentialPair.write(certificate, key, certificateFile: certificateFile, keyFile: keyFile)
    }

    /// Writes certificate and key in place of those that are there, the key with mode 0600.
    ///
    /// A process that uses the files takes them up by itself (`RotatingContext`).
    /// - Throws: `.fileUnwritable`.
    package func replace(certificateFile: String, keyFile: String) throws {
        try CredentialPair.replace(
            PEM.text(of: certificate), key, certificateFile: certificateFile, keyFile: keyFile)
    }
}
