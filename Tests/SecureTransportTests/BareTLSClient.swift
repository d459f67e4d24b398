//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL
import SecureTransport

/// A TLS client that breaks our rules: it sends no certificate, or speaks an older version.
final class BareTLSClient {
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let socket: PlainSocket

    /// - Parameter version: The only one it speaks, such as `TLS1_2_VERSION`.
    init(to endpoint: Endpoint, version: Int32) throws {
        socket = PlainSocket(try StreamSocket.connect(to: endpoint, until: .after(.seconds(20))))
        guard let context = SSL_CTX_new(TLS_client_method()), let ssl = SSL_new(context) else {
            throw TransportError(.cryptography, "no TLS client")
        }
        self.context = context
        self.ssl = ssl
        guard SSL_set_fd(ssl, socket.descriptor) == 1 else { throw TransportError(.cryptography, "no TLS client") }
        guard copenssl_restrict_version(ssl, version) == 1 else {
            throw TransportError(.cryptography, "no TLS client of version \(version)")
        }
        SSL_set_connect_state(ssl)
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    /// Takes the handshake as far as it goes.
    func progress() {
        ERR_clear_error()
        _ = SSL_do_handshake(ssl)
    }
}
