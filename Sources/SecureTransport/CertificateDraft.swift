//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL
import Glibc

/// A certificate before it is signed (X.509 v3, RFC 5280).
struct CertificateDraft {
    private let certificate: Certificate
    private var issuer: Certificate

    /// - Parameters:
    ///   - unit: The organisational unit: the run's name.
    ///   - notBefore: The validity's ends, in seconds since 1970.
    init(commonName: String, unit: String?, notBefore: Int64, notAfter: Int64) throws {
        ERR_clear_error()
        guard let x509 = X509_new() else { throw TransportError.openSSL("cannot make a certificate") }
        certificate = Certificate(owning: x509)
        issuer = certificate
        try check(X509_set_version(x509, 2), "set the version")
        try setRandomSerial()
        try check(ASN1_TIME_set(X509_getm_notBefore(x509), time_t(notBefore)) != nil ? 1 : 0, "set notBefore")
        try check(ASN1_TIME_set(X509_getm_notAfter(x509), time_t(notAfter)) != nil ? 1 : 0, "set notAfter")
        let subject = X509_get_subject_name(x509)
        for (field, value) in [("O", "loradrop"), ("OU", unit), ("CN", commonName)] {
            guard let value else { continue }
            try check(
                X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, value, -1, -1, 0),
                "set the subject's \(field)")
        }
    }

    /// 127 random bits: RFC 5280 (4.1.2.2) wants serial numbers unique and positive.
    private func setRandomSerial() throws {
        guard let number = BN_new() else { throw TransportError.openSSL("cannot make a number") }
        defer { BN_free(number) }
        try check(BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY), "draw a serial number")
        let serial = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.x509))
        try check(serial != nil ? 1 : 0, "set the serial number")
    }

    mutating func setPublicKey(_ key: PrivateKey) throws {
        try check(X509_set_pubkey(certificate.x509, key.pkey), "set the public key")
    }

    /// - Parameter authority: nil for a certificate that signs itself.
    mutating func setIssuer(_ authority: Certificate?) throws {
        issuer = authority ?? certificate
        try check(X509_set_issuer_name(certificate.x509, X509_get_subject_name(issuer.x509)), "set the issuer")
    }

    /// Adds an extension, written as in x509v3_config(5).
    mutating func add(_ kind: Int32, _ value: String) throws {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer.x509, certificate.x509, nil, nil, 0)
        guard let entry = X509V3_EXT_conf_nid(nil, &context, kind, value) else {
            throw TransportError.openSSL("cannot make the certificate extension \"\(value)\"")
        }
        defer { X509_EXTENSION_free(entry) }
        try check(X509_add_ext(certificate.x509, entry, -1), "add the extension \"\(value)\"")
    }

    /// Signs with ECDSA and SHA-256.
    consuming func sign(with key: PrivateKey) throws -> Certificate {
        try check(X509_sign(certificate.x509, key.pkey, EVP_sha256()), "sign")
        return certificate
    }

    /// An address as x509v3_config(5) writes it.
    /// - Throws: `.badIdentity` for what is neither an IP address nor a host name.
    static func alternativeName(_ address: String) throws -> String {
        var storage = in6_addr()
        if inet_pton(AF_INET, address, &storage) == 1 || inet_pton(AF_INET6, address, &storage) == 1 {
            return "IP:\(address)"
        }
        let bytes = address.utf8
        guard (1...253).contains(bytes.count), bytes.allSatisfy({ $0.isASCIILetterOrDigit || $0 == 0x2D || $0 == 0x2E })
        else {
            throw TransportError(.badIdentity, "\"\(address.prefix(80))\" is neither an IP address nor a host name")
        }
        return "DNS:\(address)"
    }

    private func check(_ status: Int32, _ what: String) throws {
        guard status > 0 else { throw TransportError.openSSL("cannot \(what) of a certificate") }
    }
}

/// A certificate and its key on disk.
enum CredentialPair {
    static func write(
        _ certificate: Certificate, _ key: PrivateKey, certificateFile: String, keyFile: String
    ) throws {
        let certificateText = try PEM.text(of: certificate)
        let keyText = try PEM.text(of: key)
        try CredentialFiles.requireAbsence(of: certificateFile)
        try CredentialFiles.write(keyText, toNew: keyFile, mode: 0o600)
        do {
            try CredentialFiles.write(certificateText, toNew: certificateFile, mode: 0o644)
        } catch {
            _ = unlink(keyFile)
            throw error
        }
    }

    /// Writes both in place of what is there: a reader between the two sees a pair that does not fit together.
    static func replace(
        _ certificateText: [UInt8], _ key: PrivateKey, certificateFile: String, keyFile: String
    ) throws {
        try CredentialFiles.write(PEM.text(of: key), inPlaceOf: keyFile, mode: 0o600)
        try CredentialFiles.write(certificateText, inPlaceOf: certificateFile, mode: 0o644)
    }
}
