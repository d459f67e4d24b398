//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a worker is at.
package struct WorkerStanding: Hashable, Sendable {
    package let worker: String
    /// A sentence that goes on from the worker's name.
    package let activity: String
}

extension CoordinatorState {
    /// What every worker of the roster and every other one that is there is at, by their last heartbeats.
    package var standings: [WorkerStanding] {
        let names = Set(participants.keys).union(roster?.members.map(\.name) ?? [])
        return names.sorted(by: naturalOrder).map { WorkerStanding(worker: $0, activity: activity(of: $0)) }
    }

    private func activity(of worker: String) -> String {
        let description = { (id: UInt64) in outstanding.first { $0.work.id == id }?.work.description ?? "work" }
        return switch participants[worker]?.stage {
        case .computing(let work, let shardsDone, _): "computed \(description(work)), \(shardsDone) shards done"
        case .exchanging(let work): "waited for the sums of the others in \(description(work))"
        case .idle: "waited for work"
        case nil: "was gone"
        }
    }
}
