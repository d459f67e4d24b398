//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation

/// A thread that can be waited for.
///
/// `@unchecked Sendable`: `isDone` is behind `condition`.
package final class JoinableThread: @unchecked Sendable {
    private let condition = NSCondition()
    private var isDone = false

    /// Starts `body` on a thread of its own, which takes over what `body` holds.
    package init(name: String, _ body: sending @escaping () -> Void) {
        let handed = Handed(body: body)
        let thread = Thread { [self] in
            handed.body()
            condition.withLock {
                isDone = true
                condition.broadcast()
            }
        }
        thread.name = name
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Waits until the body has returned.
    package func join() {
        condition.withLock {
            while !isDone {
                condition.wait()
            }
        }
    }

    /// `@unchecked Sendable`: the closure was sent here, and the new thread is the only one that calls it.
    private struct Handed: @unchecked Sendable {
        let body: () -> Void
    }
}
