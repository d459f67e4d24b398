//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL
import Glibc

/// What a certificate says, as plain values: for `loradrop certs status` and for errors.
package struct CertificateSummary: Hashable, Sendable {
    /// Subject and issuer on one line (RFC 2253).
    package let subject: String
    package let issuer: String
    /// nil for an authority, and for a certificate that is not ours.
    package let identity: PeerIdentity?
    package let isAuthority: Bool
    /// IP addresses and DNS names beside the identity.
    package let addresses: [String]
    /// The validity's ends, in seconds since 1970, UTC.
    package let notBefore: Int64
    package let notAfter: Int64
    /// SHA-256 of the DER form: 64 hexadecimal digits.
    package let fingerprint: String

    init(_ certificate: Certificate) {
        let x509 = certificate.x509
        subject = Certificate.subject(of: x509)
        issuer = Certificate.issuer(of: x509)
        isAuthority = X509_check_ca(x509) == 1
        // An authority or a foreign certificate has none, which is what the property says; whoever needs one asks
        // `Certificate.identity`, which says what is wrong.
        identity = try? certificate.identity()
        addresses = Certificate.alternativeNames(of: x509).filter { $0.kind == .dns || $0.kind == .address }
            .map(\.text)
        (notBefore, notAfter) = Certificate.validity(of: x509)
        let digits = Array("0123456789abcdef".utf8)
        fingerprint = Certificate.fingerprint(of: x509).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }.text
    }

    /// Reads the first certificate of a PEM file.
    /// - Throws: `.fileUnreadable`, `.badPEM`.
    package init(readingFrom path: String) throws {
        self.init(try PEM.certificates(in: CredentialFiles.read(path), from: path)[0])
    }

    /// Whether `time` (seconds since 1970) lies within the validity.
    package func isValid(at time: Int64 = CalendarTime.now()) -> Bool {
        notBefore <= time && time <= notAfter
    }
}

/// Seconds since 1970, UTC, as certificates count.
package enum CalendarTime {
    /// The machine's wall clock.
    package static func now() -> Int64 {
        Int64(time(nil))
    }

    /// `2026-11-23 20:41:07 UTC`.
    package static func text(_ seconds: Int64) -> String {
        var moment = time_t(seconds)
        var parts = tm()
        guard gmtime_r(&moment, &parts) != nil else { return "\(seconds) s after 1970" }
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S UTC", &parts)
        return count > 0 ? String(terminated: buffer) : "\(seconds) s after 1970"
    }
}
