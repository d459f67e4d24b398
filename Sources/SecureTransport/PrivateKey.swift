//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// A private key that OpenSSL holds; of a certificate request its public half only.
///
/// `@unchecked Sendable`: never changed once it is made, and OpenSSL counts references atomically.
final class PrivateKey: @unchecked Sendable {
    let pkey: OpaquePointer

    /// - Parameter pkey: Owned by this object from now on.
    init(owning pkey: OpaquePointer) {
        self.pkey = pkey
    }

    deinit {
        EVP_PKEY_free(pkey)
    }

    /// A new key on NIST P-256.
    static func make() throws -> PrivateKey {
        ERR_clear_error()
        guard let pkey = copenssl_make_p256_key() else { throw TransportError.openSSL("cannot make a P-256 key") }
        return PrivateKey(owning: pkey)
    }
}

/// PEM (RFC 7468): texts of certificates and keys, out of and into OpenSSL.
enum PEM {
    static func text(of certificate: Certificate) throws -> [UInt8] {
        try MemoryBIO.write { PEM_write_bio_X509($0, certificate.x509) == 1 }
    }

    /// PKCS #8, not encrypted: the file's mode protects it.
    static func text(of key: PrivateKey) throws -> [UInt8] {
        try MemoryBIO.write { PEM_write_bio_PKCS8PrivateKey($0, key.pkey, nil, nil, 0, nil, nil) == 1 }
    }

    /// All certificates of a text, in order.
    /// - Parameter source: Where the text is from, for the error.
    /// - Throws: `.badPEM` where there is none or one is broken.
    static func certificates(in text: [UInt8], from source: String) throws -> [Certificate] {
        try MemoryBIO.read(text) { bio in
            var certificates: [Certificate] = []
            while let x509 = PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil) {
                certificates.append(Certificate(owning: x509))
            }
            // The end of the text shows as "no start line"; anything else is a broken certificate.
            let errors = OpenSSLError.drainQueue()
            let isAtEnd = errors.allSatisfy { $0.library == ERR_LIB_PEM && $0.reason == PEM_R_NO_START_LINE }
            guard isAtEnd, !certificates.isEmpty else {
                let found = isAtEnd ? "none" : errors.map(\.description).joined(separator: "; ")
                throw TransportError(
                    .badPEM, "\(source): expected a certificate between BEGIN CERTIFICATE and its END, found: \(found)")
            }
            return certificates
        }
    }

    /// The private key of a text.
    /// - Parameter source: Where the text is from, for the error.
    /// - Throws: `.badPEM` where there is none, it is broken or it is encrypted.
    static func privateKey(in text: [UInt8], from source: String) throws -> PrivateKey {
        try MemoryBIO.read(text) { bio in
            // Without the closure OpenSSL would ask for a password at the terminal.
            guard let pkey = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
                throw TransportError.openSSL(
                    .badPEM, "\(source): expected a private key in PEM that is not encrypted")
            }
            return PrivateKey(owning: pkey)
        }
    }
}

/// Memory that OpenSSL reads from or writes to like a file.
enum MemoryBIO {
    /// The bytes that `body` writes.
    /// - Throws: `.cryptography` where it returns false.
    static func write(_ body: (OpaquePointer) -> Bool) throws -> [UInt8] {
        ERR_clear_error()
        guard let bio = BIO_new(BIO_s_mem()) else { throw TransportError.openSSL("no memory for OpenSSL") }
        defer { BIO_free(bio) }
        guard body(bio) else { throw TransportError.openSSL("OpenSSL cannot write") }
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        precondition(Int(count) == bytes.count, "OpenSSL gave \(count) of \(bytes.count) bytes of its memory")
        return bytes
    }

    /// Lets `body` read `bytes`.
    static func read<Result>(_ bytes: [UInt8], _ body: (OpaquePointer) throws -> Result) throws -> Result {
        ERR_clear_error()
        return try bytes.withUnsafeBytes { buffer in
            guard let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count)) else {
                throw TransportError.openSSL("no memory for OpenSSL")
            }
            defer { BIO_free(bio) }
            return try body(bio)
        }
    }
}
