//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ExactSums
import Foundation

/// One exact vector a slot; integers, so that it does not matter which slot took which shard.
///
/// `@unchecked Sendable`: each element is used by its own slot during a job, and `total` runs after the job. The lock
/// is what makes the last writes of every slot visible there.
final class SlotSums: @unchecked Sendable {
    private let lock = NSLock()
    private var sums: [ExactAccumulator]

    init(slotCount: Int, vectorCount: Int) {
        sums = (0..<slotCount).map { _ in ExactAccumulator(count: vectorCount) }
    }

    /// Takes slot `slot`'s vector out, lets `body` add to it, and puts it back.
    func withSums(_ slot: Int, _ body: (inout ExactAccumulator) throws -> Void) rethrows {
        var own = lock.withLock {
            let taken = sums[slot]
            sums[slot] = ExactAccumulator(count: 0)
            return taken
        }
        defer { lock.withLock { sums[slot] = own } }
        try body(&own)
    }

    /// The sum of all slots.
    func total() -> ExactAccumulator {
        lock.withLock {
            var total = sums[0]
            for other in sums.dropFirst() {
                total.add(other)
            }
            return total
        }
    }
}
