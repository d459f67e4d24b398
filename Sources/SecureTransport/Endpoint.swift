//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// A host and a TCP port, as a user writes them or as the kernel reports them.
///
/// Grammar: `host:port`, where host is a name or an IPv4 address, or an IPv6 address in brackets (`[::1]:29500`).
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A host name or a numeric address, without brackets.
    package let host: String
    /// Zero means "any free port" when listening; nobody can be reached at it.
    package let port: UInt16

    /// - Throws: `.badEndpoint` for a host that is neither a name nor an address.
    package init(host: String, port: UInt16) throws {
        let bytes = Array(host.utf8)
        let isAddress = bytes.contains(UInt8(ascii: ":"))
        let allowed = bytes.allSatisfy { byte in
            isAddress
                ? byte.isASCIIHexDigit || Array(":.%".utf8).contains(byte) || bytes.contains(UInt8(ascii: "%"))
                : byte.isASCIILetterOrDigit || Array(".-_".utf8).contains(byte)
        }
        guard !bytes.isEmpty, bytes.count <= 253, allowed, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw TransportError(
                .badEndpoint,
                "\"\(host)\" is no host: expected a name (letters, digits, dots, dashes), an IPv4 or an IPv6 address")
        }
        self.init(numericHost: host, port: port)
    }

    /// Takes a host as the kernel wrote it.
    init(numericHost: String, port: UInt16) {
        host = numericHost
        self.port = port
    }

    /// Parses `host:port` or `[ipv6]:port`.
    /// - Throws: `.badEndpoint`, with what is wrong.
    package init(parsing text: String) throws {
        let host: Substring
        let portText: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]"), text[text.index(after: end)...].hasPrefix(":") else {
                throw TransportError(.badEndpoint, "\"\(text)\" is no address: expected [ipv6-address]:port")
            }
            host = text[text.index(after: text.startIndex)..<end]
            portText = text[text.index(after: end)...].dropFirst()
            guard host.contains(":") else {
                throw TransportError(
                    .badEndpoint, "\"\(text)\" is no address: only IPv6 addresses are written in brackets")
            }
        } else {
            guard let colon = text.firstIndex(of: ":") else {
                throw TransportError(
                    .badEndpoint, "\"\(text)\" has no port: expected host:port, for instance node1:29500")
            }
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
            guard !portText.contains(":") else {
                throw TransportError(
                    .badEndpoint, "\"\(text)\" is ambiguous: write an IPv6 address in brackets, as in [::1]:29500")
            }
        }
        guard !portText.isEmpty, portText.utf8.allSatisfy({ $0.isASCIIDigit }), let port = UInt16(portText) else {
            throw TransportError(
                .badEndpoint, "\"\(text)\": the port is \"\(portText)\", expected a number from 0 to 65535")
        }
        try self.init(host: String(host), port: port)
    }

    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension UInt8 {
    var isASCIIDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

    var isASCIILetterOrDigit: Bool {
        isASCIIDigit || (self | 0x20 >= UInt8(ascii: "a") && self | 0x20 <= UInt8(ascii: "z"))
    }

    var isASCIIHexDigit: Bool {
        isASCIIDigit || (self | 0x20 >= UInt8(ascii: "a") && self | 0x20 <= UInt8(ascii: "f"))
    }
}
