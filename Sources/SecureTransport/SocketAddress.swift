//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// An address as the kernel takes it: a `sockaddr` of either family.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length: socklen_t

    var family: Int32 { Int32(storage.ss_family) }

    init(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        precondition(Int(length) <= MemoryLayout<sockaddr_storage>.size, "an address of \(length) bytes")
        self.length = length
        withUnsafeMutableBytes(of: &storage) { $0.baseAddress?.copyMemory(from: address, byteCount: Int(length)) }
    }

    /// Reads an address by a call that fills one, such as getsockname.
    /// - Returns: nil where the call fails.
    init?(filledBy call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
        if status < 0 { return nil }
        self.storage = storage
        self.length = length
    }

    /// The address that a socket has on this machine.
    init?(localOf descriptor: Int32) {
        self.init(filledBy: { getsockname(descriptor, $0, $1) })
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result) rethrows -> Result {
        try withUnsafePointer(to: storage) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, length) }
        }
    }

    /// Host and port in numbers.
    ///
    /// An IPv4 address that arrived on an IPv6 socket is written as IPv4.
    var endpoint: Endpoint {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: 32)
        let status = withPointer { address, length in
            getnameinfo(
                address, length, &host, socklen_t(host.count), &service, socklen_t(service.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
        }
        guard status == 0 else { return Endpoint(numericHost: "unknown", port: 0) }
        var name = String(terminated: host)
        if name.hasPrefix("::ffff:"), name.contains(".") { name.removeFirst("::ffff:".count) }
        return Endpoint(numericHost: name, port: UInt16(String(terminated: service)) ?? 0)
    }

    /// The addresses of a host, in the resolver's order, each once.
    ///
    /// A numeric host is answered at once; a name is looked up, for as long as the machine's resolver is configured to
    /// try.
    /// - Parameter passive: Whether the addresses are to listen on.
    /// - Throws: `.unresolvable`, naming the endpoint.
    static func resolve(_ endpoint: Endpoint, passive: Bool) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
        let number = errno
        guard status == 0 else {
            let reason = status == EAI_SYSTEM ? SystemErrors.text(number) : String(cString: gai_strerror(status))
            throw TransportError(
                .unresolvable,
                "cannot find an address for \(endpoint): \(reason). "
                    + "Check the spelling, or give the numeric address of the host")
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next {
            if let address = entry.pointee.ai_addr {
                addresses.append(SocketAddress(copying: address, length: entry.pointee.ai_addrlen))
            }
            next = entry.pointee.ai_next
        }
        guard !addresses.isEmpty else {
            throw TransportError(.unresolvable, "the resolver gave no address for \(endpoint)")
        }
        return addresses
    }
}

extension String {
    /// A text that ends at the first zero of a C buffer.
    init(terminated buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
