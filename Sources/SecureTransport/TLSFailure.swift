//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL
import Glibc

/// What is known about a failed TLS call, and the error to make of it.
struct TLSFailure {
    enum Activity: String {
        case handshake = "in the TLS handshake"
        case reading = "while reading"
        case writing = "while writing"
    }

    let activity: Activity
    /// What SSL_get_error gave.
    let status: Int32
    let errors: [OpenSSLError]
    /// The `errno` of the socket's last failed call; 0 for none.
    let systemError: Int32
    /// Why our own verification refused the peer.
    let refusal: TransportError?
    let peer: String
    let ownIdentity: PeerIdentity
    let expected: String

    var error: TransportError {
        if let refusal { return refusal }
        for entry in errors where entry.library == ERR_LIB_SSL {
            if let error = error(of: entry) { return error }
        }
        if status == SSL_ERROR_ZERO_RETURN && activity == .handshake { return closedDuringHandshake }
        if systemError != 0 || status == SSL_ERROR_SYSCALL {
            let what = systemError == 0 ? "the connection ended" : SystemErrors.text(systemError)
            return TransportError(.connectionLost, "lost the connection to \(peer) \(activity.rawValue): \(what)")
        }
        return TransportError(.protocolViolation, "\(peer) broke TLS \(activity.rawValue): \(text)")
    }

    private var text: String {
        errors.isEmpty ? "OpenSSL gives no reason (\(status))" : errors.map(\.description).joined(separator: "; ")
    }

    private var closedDuringHandshake: TransportError {
        TransportError(
            .closedDuringHandshake,
            "\(peer) closed the connection before the TLS handshake was done (expected \(expected)). "
                + "Its own log says why, if it is a loradrop process")
    }

    private func error(of entry: OpenSSLError) -> TransportError? {
        // Alerts that the peer sent are reported as 1000 and the alert's number (ssl.h, SSL_AD_REASON_OFFSET).
        if entry.reason >= SSL_AD_REASON_OFFSET { return refusedByPeer(alert: entry.reason - SSL_AD_REASON_OFFSET) }
        switch entry.reason {
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            if activity == .handshake { return closedDuringHandshake }
            return TransportError(
                .truncated,
                "the stream of \(peer) ended without a farewell: its process died or the network cut the connection")
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TransportError(
                .missingCertificate, "\(peer) sent no certificate, expected \(expected); every link needs one")
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_BAD_RECORD_TYPE,
            SSL_R_UNKNOWN_PROTOCOL, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_RECORD_LENGTH_MISMATCH:
            guard activity == .handshake else { return nil }
            return TransportError(
                .notTLS,
                "what \(peer) sends is not TLS (\(text)); expected a loradrop process, \(expected). "
                    + "Is it the right port?")
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_VERSION_TOO_LOW,
            SSL_R_WRONG_SSL_VERSION:
            return TransportError(.protocolVersion, "\(peer) does not speak TLS 1.3, which every link needs (\(text))")
        default:
            return nil
        }
    }

    /// The error for an alert (RFC 8446, 6.2).
    ///
    /// An alert is a number: the reason in words stays on the other side.
    private func refusedByPeer(alert: Int32) -> TransportError {
        let name = SSL_alert_desc_string_long(alert).map { String(cString: $0) } ?? "unknown alert"
        let hint: String
        switch alert {
        case SSL_AD_UNKNOWN_CA: hint = "our certificate is of another authority than the peer trusts"
        case SSL_AD_CERTIFICATE_EXPIRED: hint = "our certificate has expired by the peer's clock"
        case SSL_AD_CERTIFICATE_REQUIRED: hint = "the peer wants a certificate"
        case SSL_AD_HANDSHAKE_FAILURE: hint = "the peer expects somebody else here than \(ownIdentity)"
        case SSL_AD_PROTOCOL_VERSION:
            return TransportError(.protocolVersion, "\(peer) does not speak TLS 1.3 (alert: \(name))")
        default: hint = "the peer does not accept our certificate or broke off"
        }
        return TransportError(
            .refusedByPeer,
            "\(peer) refused us (\(ownIdentity)) \(activity.rawValue) with the TLS alert \"\(name)\": \(hint). "
                + "Its log has the reason in full")
    }
}
