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
}
