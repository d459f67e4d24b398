//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// Which of this machine's addresses others can use.
package enum LocalAddress {
    /// The address from which this machine would send to `endpoint`, without sending anything.
    ///
    /// A worker advertises the address by which it reaches the coordinator: its host name may resolve to 127.0.1.1
    /// (gloo #223), and a machine with several networks has several addresses. Connecting a UDP socket only makes the
    /// kernel look up the route.
    /// - Returns: A numeric address, without brackets.
    /// - Throws: `.unresolvable`, or `.unreachable` where no route leads there.
    package static func usedToReach(_ endpoint: Endpoint) throws -> String {
        var failure: Int32 = 0
        for address in try SocketAddress.resolve(endpoint, passive: false) {
            let number = socket(address.family, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            if number < 0 {
                failure = errno
                continue
            }
            let owned = OwnedDescriptor(owning: number)
            if address.withPointer({ Glibc.connect(owned.number, $0, $1) }) < 0 {
                failure = errno
                continue
            }
            if let local = SocketAddress(localOf: owned.number) { return local.endpoint.host }
            failure = errno
        }
        throw TransportError(.unreachable, "no route from this machine to \(endpoint)", errno: failure)
    }

    /// The addresses that this machine's resolver gives for a host, in numbers, each once.
    /// - Throws: `.unresolvable`.
    package static func resolve(_ endpoint: Endpoint) throws -> [String] {
        var hosts: [String] = []
        for address in try SocketAddress.resolve(endpoint, passive: false) {
            let host = address.endpoint.host
            if !hosts.contains(host) { hosts.append(host) }
        }
        return hosts
    }

    /// The addresses of this machine's interfaces that are up, loopback included; none where the kernel names none.
    package static func ofInterfaces() -> [String] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var hosts: [String] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let address = entry.pointee.ifa_addr, entry.pointee.ifa_flags & UInt32(IFF_UP) != 0 else {
                continue
            }
            let length: Int
            switch Int32(address.pointee.sa_family) {
            case AF_INET: length = MemoryLayout<sockaddr_in>.size
            case AF_INET6: length = MemoryLayout<sockaddr_in6>.size
            default: continue
            }
            let host = SocketAddress(copying: address, length: socklen_t(length)).endpoint.host
            if !hosts.contains(host) { hosts.append(host) }
        }
        return hosts
    }
}
