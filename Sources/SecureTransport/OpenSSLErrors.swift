//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import COpenSSL

/// One entry of OpenSSL's error queue.
struct OpenSSLError: CustomStringConvertible {
    let code: UInt

    /// Which part of OpenSSL reports it: `ERR_LIB_SSL`, `ERR_LIB_X509` and the like.
    var library: Int32 { ERR_GET_LIB(code) }
    /// What it reports, within its library.
    var reason: Int32 { ERR_GET_REASON(code) }
    /// The additional text of the place that reported it.
    let detail: String

    var description: String {
        let text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "OpenSSL error \(code)"
        return detail.isEmpty ? text : "\(text) (\(detail))"
    }

    /// Takes all entries off the calling thread's queue, the oldest first.
    @discardableResult
    static func drainQueue() -> [OpenSSLError] {
        var entries: [OpenSSLError] = []
        while true {
            var data: UnsafePointer<CChar>?
            var flags: Int32 = 0
            let code = ERR_get_error_all(nil, nil, nil, &data, &flags)
            if code == 0 { return entries }
            let hasText = flags & ERR_TXT_STRING != 0
            entries.append(OpenSSLError(code: code, detail: hasText ? data.map { String(cString: $0) } ?? "" : ""))
        }
    }

    /// The queue as one text, for an error message.
    static func drainText() -> String {
        let entries = drainQueue()
        return entries.isEmpty ? "OpenSSL gives no reason" : entries.map(\.description).joined(separator: "; ")
    }
}

extension TransportError {
    /// A call of OpenSSL that failed and left its reasons in the queue.
    static func openSSL(_ code: Code, _ what: String) -> TransportError {
        TransportError(code, "\(what): \(OpenSSLError.drainText())")
    }

    /// As above, where there is no reason but OpenSSL itself.
    static func openSSL(_ what: String) -> TransportError {
        openSSL(.cryptography, what)
    }
}
