//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// An X.509 certificate that OpenSSL holds.
///
/// `@unchecked Sendable`: never changed once it is made; OpenSSL counts references atomically and fills its cache of
/// extensions under a lock of its own.
final class Certificate: @unchecked Sendable {
    let x509: OpaquePointer

    /// - Parameter x509: Owned by this object from now on.
    init(owning x509: OpaquePointer) {
        self.x509 = x509
    }

    deinit {
        X509_free(x509)
    }

    /// The identity in the certificate.
    /// - Throws: `.badIdentity` for none, more than one, or one that breaks the grammar.
    func identity() throws -> PeerIdentity {
        try Certificate.identity(of: x509)
    }

    /// The identity in a certificate that somebody else owns.
    /// - Throws: As above.
    static func identity(of x509: OpaquePointer) throws -> PeerIdentity {
        let uris = alternativeNames(of: x509).filter { $0.kind == .uri && $0.text.hasPrefix(PeerIdentity.scheme) }
        guard uris.count == 1 else {
            throw TransportError(
                .badIdentity,
                "the certificate of \(subject(of: x509)) carries \(uris.count) identities of the form "
                    + "loradrop://RUN/worker/NAME, expected one. `loradrop certs issue` makes such certificates")
        }
        return try PeerIdentity(uri: uris[0].text)
    }

    /// One of the subject's alternative names.
    struct AlternativeName: Hashable {
        enum Kind: Hashable { case uri, dns, address, other }
        let kind: Kind
        let text: String
    }

    /// The subject's alternative names, in order; empty where the extension is missing or unreadable.
    static func alternativeNames(of x509: OpaquePointer) -> [AlternativeName] {
        guard let extensionValue = X509_get_ext_d2i(x509, NID_subject_alt_name, nil, nil) else { return [] }
        let list = OpaquePointer(extensionValue)
        defer { GENERAL_NAMES_free(list) }
        return (0..<OPENSSL_sk_num(list)).compactMap { index in
            guard let entry = OPENSSL_sk_value(list, index) else { return nil }
            let name = entry.assumingMemoryBound(to: GENERAL_NAME.self).pointee
            switch name.type {
            case GEN_URI: return AlternativeName(kind: .uri, text: bytes(of: name.d.uniformResourceIdentifier).text)
            case GEN_DNS: return AlternativeName(kind: .dns, text: bytes(of: name.d.dNSName).text)
            case GEN_IPADD:
                return AlternativeName(kind: .address, text: addressText(bytes(of: name.d.iPAddress)))
            default: return AlternativeName(kind: .other, text: "")
            }
        }
    }

    private static func bytes(of string: UnsafePointer<ASN1_STRING>?) -> [UInt8] {
        guard let string, let start = ASN1_STRING_get0_data(string) else { return [] }
        // By length, never up to a zero byte: "loradrop:///worker/a\0b" must not pass for worker a.
        return Array(UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(string))))
    }

    private static func addressText(_ bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        guard bytes.count == 16 else { return "address of \(bytes.count) bytes" }
        return stride(from: 0, to: 16, by: 2)
            .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }.joined(separator: ":")
    }

    /// The subject on one line (RFC 2253).
    static func subject(of x509: OpaquePointer) -> String {
        name(X509_get_subject_name(x509))
    }

    /// The issuer on one line (RFC 2253).
    static func issuer(of x509: OpaquePointer) -> String {
        name(X509_get_issuer_name(x509))
    }

    /// The subject's organisational unit, where an authority of ours has its run; nil for none.
    static func organizationalUnit(of x509: OpaquePointer) -> String? {
        let subject = X509_get_subject_name(x509)
        let index = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, -1)
        guard index >= 0, let entry = X509_NAME_get_entry(subject, index) else { return nil }
        return bytes(of: X509_NAME_ENTRY_get_data(entry)).text
    }

    private static func name(_ name: OpaquePointer?) -> String {
        guard let name,
            let text = try? MemoryBIO.write({ X509_NAME_print_ex($0, name, 0, copenssl_rfc2253_flags()) >= 0 })
        else { return "an unreadable name" }
        return String(text.text.prefix(200))
    }

    /// The validity's ends in seconds since 1970, UTC.
    static func validity(of x509: OpaquePointer) -> (notBefore: Int64, notAfter: Int64) {
        (seconds(X509_get0_notBefore(x509)), seconds(X509_get0_notAfter(x509)))
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var days: Int32 = 0
        var rest: Int32 = 0
        guard let epoch = ASN1_TIME_set(nil, 0) else { return 0 }
        defer { ASN1_STRING_free(epoch) }
        guard ASN1_TIME_diff(&days, &rest, epoch, time) == 1 else { return 0 }
        return Int64(days) * 86_400 + Int64(rest)
    }

    /// SHA-256 of the DER form.
    static func fingerprint(of x509: OpaquePointer) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let status = X509_digest(x509, EVP_sha256(), &digest, &count)
        precondition(status == 1 && count == 32, "libcrypto gave no digest of a certificate")
        return Array(digest.prefix(Int(count)))
    }
}

extension Array where Element == UInt8 {
    /// The bytes as UTF-8.
    var text: String { String(decoding: self, as: UTF8.self) }
}
