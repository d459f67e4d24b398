//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import CLibCrypto

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto offers no SHA-256")
        }
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let status = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(status == 1, "libcrypto refused \(bytes.count) bytes to hash")
    }

    /// Adds the bytes of an array's elements, in this machine's (little-endian) order.
    package mutating func update<Element: BitwiseCopyable>(_ elements: [Element]) {
        elements.withUnsafeBytes { update($0) }
    }

    /// Adds a text's UTF-8 bytes.
    package mutating func update(_ text: String) {
        update(Array(text.utf8))
    }

    /// The digest of all that was added.
    package consuming func finish() -> Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        let status = bytes.withUnsafeMutableBufferPointer { EVP_DigestFinal_ex(context, $0.baseAddress, nil) }
        precondition(status == 1, "libcrypto gave no digest")
        return Digest(bytes: bytes)
    }
}

/// A SHA-256 sum: 32 bytes.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// - Precondition: 32 bytes.
    package init(bytes: [UInt8]) {
        precondition(bytes.count == 32, "a SHA-256 sum of \(bytes.count) bytes")
        self.bytes = bytes
    }

    /// The sum of `elements`' bytes.
    package init<Element: BitwiseCopyable>(of elements: [Element]) {
        var hash = SHA256()
        hash.update(elements)
        self = hash.finish()
    }

    /// 64 hexadecimal digits.
    package var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
