//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Datasets
package import Digests
import ExactSums
import Foundation

/// Which shards' sums are looked at one by one, and what was found.
///
/// Two workers that compute the same shard get the same bits, so equal digests say that neither erred.
///
/// `@unchecked Sendable`: what was found is behind `lock`.
package final class ShardAudit: @unchecked Sendable {
    /// Counted shards whose digest is wanted, by index.
    private let reported: Set<Int>
    /// Shards that somebody else counts.
    let recomputed: [Shard]
    /// Makes this worker's sums wrong, as failing memory would: to try whether that is noticed.
    private let alters: Bool
    private let lock = NSLock()
    private var found: [Int: Digest] = [:]

    package init(reported: Set<Int> = [], recomputed: [Shard] = [], alters: Bool = false) {
        self.reported = reported
        self.recomputed = recomputed
        self.alters = alters
    }

    /// The digests, by shard index.
    package var digests: [Int: Digest] { lock.withLock { found } }

    func concerns(_ shard: Shard) -> Bool { alters || reported.contains(shard.index) }

    /// Takes down the sums of a single shard.
    func take(_ sums: inout ExactAccumulator, of shard: Shard) {
        if alters {
            sums.sums[0] ^= 1 << 24
        }
        let digest = Digest(of: sums.sums)
        if reported.contains(shard.index) || recomputed.contains(where: { $0.index == shard.index }) {
            lock.withLock { found[shard.index] = digest }
        }
    }
}
