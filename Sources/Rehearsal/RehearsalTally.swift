//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What many rehearsals came to.
package struct RehearsalTally: Sendable, CustomStringConvertible {
    package private(set) var seeds = 0
    /// Rehearsals that broke an invariant.
    package private(set) var broken = 0
    package private(set) var events = 0
    package private(set) var faults = 0
    package private(set) var generations = 0
    /// Starts of a coordinator beyond the first of each run.
    package private(set) var coordinatorRestarts = 0
    package private(set) var statesLost = 0
    package private(set) var leftOut = 0
    package private(set) var endedWithError = 0
    package private(set) var endedWrong = 0

    package init() {}

    package mutating func add(_ outcome: Rehearsal.Outcome) {
        seeds += 1
        broken += outcome.broken == nil ? 0 : 1
        events += outcome.events
        faults += outcome.faults
        generations += outcome.generations
        coordinatorRestarts += outcome.coordinatorStarts - 1
        statesLost += outcome.statesLost
        leftOut += outcome.leftOut
        endedWithError += outcome.endedWithError ? 1 : 0
        endedWrong += outcome.endedWrong ? 1 : 0
    }

    package var description: String {
        "\(seeds) seeds, \(broken) with a broken invariant: \(events) events, \(faults) faults, \(generations) "
            + "generations, \(coordinatorRestarts) restarts of the coordinator, \(statesLost) times nobody held the "
            + "state, \(leftOut) times a worker was left out; with changed memory \(endedWithError) ended with an error "
            + "and \(endedWrong) with another state"
    }
}
