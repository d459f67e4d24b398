//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a simulated network does to the bytes that pass: a value without I/O and without a clock.
package struct NetworkRules: Sendable {
    package var link: LinkShape
    private var partitions: [Int: Partition] = [:]
    /// Of each machine the link out of it, which all of its connections share.
    private var clocks: [FaultTarget: LinkClock] = [:]

    package init(_ link: LinkShape) {
        self.link = link
    }

    /// Puts two sides apart, until the number is given to `join`.
    package mutating func part(_ partition: Partition, number: Int) {
        partitions[number] = partition
    }

    package mutating func join(number: Int) {
        partitions[number] = nil
    }

    /// Whether what goes from one to the other is held up.
    package func holds(_ one: FaultTarget, _ other: FaultTarget) -> Bool {
        partitions.values.contains { $0.separates(one, other) }
    }

    /// When bytes that a machine sends now are with the other one.
    package mutating func arrival(ofBytes count: Int, from sender: FaultTarget, at now: Int64) -> Int64 {
        guard link.isShaped else { return now }
        let sent = clocks[sender, default: LinkClock()].send(count, at: now, bytesPerSecond: link.bytesPerSecond)
        let (seconds, attoseconds) = link.latency.components
        return sent + seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
