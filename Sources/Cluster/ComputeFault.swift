//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Datasets
import Synchronization

/// A wrong sum that a worker makes on purpose, once: to try whether the run notices.
package final class ComputeFault: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// Changes a bit of each of its shards' gradients, as failing memory would.
        case alterGradient = "alter-gradient"
        /// Counts a shard twice.
        case countTwice = "count-twice"
        /// Leaves a shard out.
        case leaveOut = "leave-out"
    }

    package let kind: Kind
    /// The step of the fine-tuning, from 1.
    package let step: Int
    private let isDue = Mutex(true)

    /// - Parameter text: Such as "count-twice@20".
    /// - Returns: Nil if it is no fault.
    package init?(_ text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let kind = Kind(rawValue: parts[0]), let step = Int(parts[1]), step > 0 else {
            return nil
        }
        self.kind = kind
        self.step = step
    }

    /// Whether it happens now; it does so once.
    func fires(at step: Int) -> Bool {
        step == self.step
            && isDue.withLock { isDue in
                defer { isDue = false }
                return isDue
            }
    }

    /// The shards that are counted with the fault in place of `shards`.
    func counted(_ shards: [Shard]) -> [Shard] {
        switch kind {
        case .alterGradient: shards
        case .countTwice: shards + shards.prefix(1)
        case .leaveOut: Array(shards.dropFirst())
        }
    }
}
