//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// A folder with the certificates of a run or a cluster: `ca.pem`, `ca.key`, and `NAME.pem`, `NAME.key` for each peer.
///
/// A peer needs `ca.pem` and its own two files. `ca.key` stays on the machine where certificates are issued.
package struct CertificateFolder: Sendable {
    package let path: String

    package init(_ path: String) {
        self.path = path
    }

    /// The name that no peer may have, as its files would be the authority's.
    private static let authorityName = "ca"

    package var authorityFile: String { "\(path)/ca.pem" }
    package var authorityKeyFile: String { "\(path)/ca.key" }
    package func certificateFile(of name: String) -> String { "\(path)/\(name).pem" }
    package func keyFile(of name: String) -> String { "\(path)/\(name).key" }

    /// Makes the folder, with mode 0700 where it is new, and an authority in it.
    /// - Parameter run: The run it is for; nil for one that serves many.
    /// - Throws: `.fileExists` where it has an authority already; `.fileUnwritable`, `.badIdentity`.
    @discardableResult
    package func makeAuthority(run: String? = nil, validForHours hours: Int) throws -> CertificateAuthority {
        let authority = try CertificateAuthority.make(run: run, validForHours: hours)
        try CredentialFiles.makeFolder(path)
        try authority.write(certificateFile: authorityFile, keyFile: authorityKeyFile)
        return authority
    }

    /// The authority in it.
    /// - Throws: As `CertificateAuthority.init`.
    package func authority() throws -> CertificateAuthority {
        try CertificateAuthority(certificateFile: authorityFile, keyFile: authorityKeyFile)
    }

    /// Issues a certificate by the folder's authority and writes it and its key under the peer's name.
    /// - Throws: `.fileExists` where the name has files already; `.badIdentity` for the name `ca`; as
    ///   `CertificateAuthority.issue`.
    @discardableResult
    package func issue(
        to identity: PeerIdentity, addresses: [String] = [], validForHours hours: Int
    ) throws -> IssuedCertificate {
        guard identity.name != CertificateFolder.authorityName else {
            throw TransportError(.badIdentity, "a \(identity.role) cannot be named \"ca\": the authority's files are")
        }
        let issued = try authority().issue(to: identity, addresses: addresses, validForHours: hours)
        try issued.write(certificateFile: certificateFile(of: identity.name), keyFile: keyFile(of: identity.name))
        return issued
    }

    /// Makes a new key and certificate for a peer that has files here already, in their place.
    ///
    /// A process that uses them takes the new ones up by itself (`RotatingContext`).
    /// - Throws: `.fileUnreadable` where the peer has none; as `issue`.
    @discardableResult
    package func renew(
        _ identity: PeerIdentity, addresses: [String] = [], validForHours hours: Int
    ) throws -> IssuedCertificate {
        _ = try CredentialFiles.read(certificateFile(of: identity.name))
        let issued = try authority().issue(to: identity, addresses: addresses, validForHours: hours)
        try issued.replace(certificateFile: certificateFile(of: identity.name), keyFile: keyFile(of: identity.name))
        return issued
    }

    /// Makes a new authority in place of the one that is here, for the same run; `ca.pem` trusts both from then on.
    ///
    /// Members are renewed next, each after the new `ca.pem` has reached everybody; then `retireOldAuthorities`.
    /// - Throws: As `authority`; `.fileUnwritable`.
    @discardableResult
    package func renewAuthority(validForHours hours: Int) throws -> CertificateAuthority {
        let next = try CertificateAuthority.make(run: authority().run, validForHours: hours)
        try next.replace(certificateFile: authorityFile, keyFile: authorityKeyFile)
        return next
    }

    /// Takes the trust from all authorities but the present one.
    /// - Throws: As `authority`; `.fileUnwritable`.
    package func retireOldAuthorities() throws {
        try authority().retirePrevious(certificateFile: authorityFile)
    }

    /// The credentials of a peer in it.
    /// - Throws: As `TLSCredentials.init`.
    package func credentials(of name: String) throws -> TLSCredentials {
        try TLSCredentials(
            authorityFile: authorityFile, certificateFile: certificateFile(of: name), keyFile: keyFile(of: name))
    }

    /// What the folder's certificates say, the authority first, the others by file name.
    /// - Throws: `.fileUnreadable` where the folder cannot be read, `.badPEM` where a `.pem` file is no certificate.
    package func summaries() throws -> [(file: String, summary: CertificateSummary)] {
        guard let folder = opendir(path) else {
            throw TransportError(.fileUnreadable, "cannot read the folder \(path)", errno: errno)
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".pem") { names.append(name) }
        }
        let first = "\(CertificateFolder.authorityName).pem"
        names.sort { ($0 == first ? 0 : 1, $0) < ($1 == first ? 0 : 1, $1) }
        return try names.map { ($0, try CertificateSummary(readingFrom: "\(path)/\($0)")) }
    }
}
