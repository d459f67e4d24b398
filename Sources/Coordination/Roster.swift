//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Who takes part in one generation, in ring order.
package struct Roster: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        /// The name in its certificate.
        package var name: String
        /// Its place in the ring, 0-based.
        package var workerRank: Int
        package var slots: Int
        /// Where other workers reach it, "host:port".
        package var dataEndpoint: String
    }

    /// Grows with every new roster; data links are never reused across generations.
    package var generation: UInt32
    /// Sorted by name, so that the order of arrival does not matter.
    package var members: [Member]

    init(generation: UInt32, facts: [String: WorkerFacts]) {
        self.generation = generation
        members = facts.sorted { naturalOrder($0.key, $1.key) }.enumerated().map { place, entry in
            Member(
                name: entry.key, workerRank: place, slots: entry.value.slots, dataEndpoint: entry.value.dataEndpoint)
        }
    }
}

/// "worker-2" before "worker-10": shorter names first, then by their characters.
func naturalOrder(_ left: String, _ right: String) -> Bool {
    (left.utf8.count, left) < (right.utf8.count, right)
}
