//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import Synchronization

/// What the time of a training step is counted under.
package enum ComputePart: Int, CaseIterable, Sendable {
    // Phases of a shard, together all of it, and what a slot without a shard works for others. (A helped slot counts
    // the time that passes, not what others work for it.)
    case forward, loss, backward, exactSum, helping
    // Kernels within forward and backward.
    case embeddings, projections, lowRank, attention, normalisation, activation, head

    /// Whether it is a phase, within which kernels are counted again.
    package var isPhase: Bool { rawValue <= ComputePart.helping.rawValue }

    /// In words.
    package var title: String {
        switch self {
        case .forward: "forward"
        case .loss: "loss"
        case .backward: "backward"
        case .exactSum: "exact sum"
        case .helping: "helping other slots"
        case .embeddings: "embeddings"
        case .projections: "frozen projections"
        case .lowRank: "low-rank branches"
        case .attention: "attention"
        case .normalisation: "LayerNorm with bias and residual"
        case .activation: "activation"
        case .head: "pooler and classifier"
        }
    }
}

/// Time by part of the computation, over all threads: for measurements, and off unless one is made.
///
/// While it is off, a part costs one relaxed load.
package enum ComputeClock {
    private final class Counter: Sendable {
        let nanoseconds = Atomic<UInt64>(0)
    }

    private static let isRunning = Atomic<Bool>(false)
    private static let counters = ComputePart.allCases.map { _ in Counter() }

    /// Sets all counts to zero and begins to count.
    package static func start() {
        for counter in counters {
            counter.nanoseconds.store(0, ordering: .relaxed)
        }
        isRunning.store(true, ordering: .releasing)
    }

    /// Ends the counting.
    /// - Returns: Nanoseconds by `ComputePart.rawValue`, summed over threads.
    package static func stop() -> [UInt64] {
        isRunning.store(false, ordering: .releasing)
        return counters.map { $0.nanoseconds.load(ordering: .relaxed) }
    }

    /// Runs `body` and counts its time under `part`.
    ///
    /// Kernels do not nest in each other.
    @inline(__always)
    package static func count<Result>(_ part: ComputePart, _ body: () throws -> Result) rethrows -> Result {
        guard isRunning.load(ordering: .relaxed) else { return try body() }
        let began = now()
        defer { counters[part.rawValue].nanoseconds.wrappingAdd(now() - began, ordering: .relaxed) }
        return try body()
    }

    /// Counts time that was measured elsewhere.
    static func add(_ nanoseconds: UInt64, to part: ComputePart) {
        guard isRunning.load(ordering: .relaxed) else { return }
        counters[part.rawValue].nanoseconds.wrappingAdd(nanoseconds, ordering: .relaxed)
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
