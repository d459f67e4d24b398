//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Collectives
import ExactSums

// The path of a gradient, from one worker's sums to everyone's:
//
//     PhaseTrainer.localSums      64-bit integers, this worker's shards            Training/TrainingStep.swift
//       → GradientExchange.sum    a copy goes into the all-reduce                  here
//         → AllReducer            reduce-scatter and all-gather, by a plan         Collectives/AllReducer.swift
//           → DataLinks.exchange  segments over every link at once                 Cluster/DataLinks.swift
//             → DataLink          packed frames, added as they come in             Cluster/DataLink.swift
//     ← the same sums, bit for bit, on every worker
//     PhaseTrainer.commit         lanes, mean, clipping, AdamW                     Training/TrainingStep.swift
//
// The local sums stay as they are until the step is committed, so an exchange that breaks off can be done again.

/// Sums one worker's exact sums with everyone else's.
final class GradientExchange {
    /// An exchange that is not done by then has lost somebody.
    ///
    /// Data and model preparation are phases of their own, and the coordinator's deadline, which knows how far everyone
    /// is, comes first; this one only makes sure that a worker never waits for ever.
    private static let timeLimit = Duration.seconds(600)

    private let reducer: AllReducer
    private var knowsCosts = false

    init(_ links: DataLinks) {
        reducer = AllReducer(links: links)
    }

    /// The sums over all workers.
    /// - Throws: `CollectiveError`, naming who was lost or awaited; `local` is as it was.
    func sum(_ local: ExactAccumulator) throws -> ExactAccumulator {
        // With the first sums, when everybody is there; the same point for all, and the choice stays the same for all.
        if !knowsCosts {
            try reducer.measureCosts(deadline: .now + Self.timeLimit)
            knowsCosts = true
        }
        var reduced = ExactAccumulator(count: 0)
        try reducer.sum(local.sums, into: &reduced.sums, deadline: .now + Self.timeLimit)
        return reduced
    }
}
