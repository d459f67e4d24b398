//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import SecureTransport
import Synchronization

/// A request to end, for whoever waits for a process or a host.
///
/// It stays: whoever asks later is told, too.
package final class Interruption: Sendable {
    private let requested = Atomic(false)

    package init() {}

    /// Any thread may ask, more than once.
    package func request() {
        requested.store(true, ordering: .sequentiallyConsistent)
    }

    package var isRequested: Bool { requested.load(ordering: .sequentiallyConsistent) }

    /// Waits, in steps short enough for a person not to notice.
    /// - Returns: Whether `condition` came to hold; false where the deadline passed.
    /// - Throws: `.interrupted`; whatever `condition` throws.
    package func wait(until deadline: Deadline, for condition: () throws -> Bool) throws -> Bool {
        while true {
            if try condition() { return true }
            if isRequested { throw SupervisionError(.interrupted, "interrupted") }
            if deadline.hasPassed { return false }
            ProcessTable.pause(milliseconds: 20)
        }
    }
}
