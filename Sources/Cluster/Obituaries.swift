//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Synchronization

/// Where a coordinator takes word of workers whose processes ended, from whoever watches over them.
///
/// A run that cannot go on without such a worker ends, with what is known of its end. Any thread may use it.
package final class Obituaries: Sendable {
    /// Set while the cluster runs.
    let bridge = Mutex<RunBridge?>(nil)

    package init() {}

    /// The process of `worker` has ended, for this reason.
    /// - Parameter returns: Whether somebody starts it again.
    package func ended(_ worker: String, reason: String, returns: Bool) {
        bridge.withLock { $0?.submit(.workerEnded(worker, reason: reason, returns: returns)) }
    }
}
