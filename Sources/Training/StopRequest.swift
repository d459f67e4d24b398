//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// The user's wish that a run ends at the next step, with its state saved.
///
/// `@unchecked Sendable`: the flag is behind `lock`.
package final class StopRequest: @unchecked Sendable {
    private let lock = NSLock()
    private var requested = false

    package init() {}

    /// Asks for the end.
    ///
    /// Any thread may.
    package func request() {
        lock.withLock { requested = true }
    }

    /// Whether the end was asked for.
    package var isRequested: Bool { lock.withLock { requested } }
}
