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
}
