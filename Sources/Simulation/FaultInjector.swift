//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Cluster

/// Which faults of a plan are due: counts the run's events, over all starts of its coordinator.
package struct FaultInjector: Sendable {
    private var waiting: [Fault]
    private var occurrences: [RunPlace.Event: Int] = [:]

    package init(_ plan: FaultPlan) {
        waiting = plan.faults
    }

    /// Faults whose place the run has not come to.
    package var left: [Fault] { waiting }

    /// Takes an event of the run.
    /// - Returns: The faults that are due, in the order of the plan; each is due once.
    package mutating func take(_ event: RunEvent) -> [Fault] {
        let reached: (RunPlace) -> Bool
        switch event {
        case .committed(let phase, let step):
            // A run that goes on from a checkpoint may skip a step, and faults wait for no step that was committed.
            reached = { $0.event.isStep && $0.event.rawValue == phase && step >= $0.count }
        case .reached(let stage):
            guard let place = RunPlace.Event(rawValue: stage.rawValue) else { return [] }
            let count = occurrences[place, default: 0] + 1
            occurrences[place] = count
            reached = { $0.event == place && count >= $0.count }
        case .listening, .phaseBegan, .logged, .rosterReady:
            return []
        }
        let due = waiting.filter { reached($0.place) }
        waiting.removeAll { reached($0.place) }
        return due
    }
}
