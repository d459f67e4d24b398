//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// The library that TLS comes from.
package enum TLSLibrary {
    /// Name and version as the library loaded at run time gives them: "OpenSSL 3.0.22 25 Aug 2026".
    package static var version: String {
        OpenSSL_version(OPENSSL_VERSION).map { String(cString: $0) } ?? "OpenSSL of an unknown version"
    }

    /// Makes the library leave its memory to the system when the process ends.
    ///
    /// Otherwise it takes itself down at exit, while threads that are about to end give back what it keeps for them: one
    /// of them then reads what is freed already (`OPENSSL_init_crypto(3)`, OPENSSL_INIT_NO_ATEXIT). To be called before
    /// anything else of the library is used, hashing included.
    package static func staysUpAtExit() {
        let status = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
        precondition(status == 1, "libcrypto cannot be started")
    }
}
