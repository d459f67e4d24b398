//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

/// What one rehearsal is like: drawn from its seed.
struct Scenario {
    var plan: RunPlan
    /// Workers that the run starts with, goes on with, and may have.
    var world: Int
    var minimum: Int
    var maximum: Int
    /// Faults that are still to come.
    var faultBudget: Int
    /// Faults in 100,000 events.
    var faultRate: Int
    /// When faults stop, in nanoseconds.
    var faultsEnd: UInt64
    var kinds: [Fault]
    /// Whether a worker's memory may change: then a run may end with an error, but not with a wrong result in silence.
    var hasCorruption: Bool
    /// The longest that a message usually takes, in microseconds.
    var usualDelay: Int
    /// In a thousand messages so many take far longer.
    var slowMessages: Int
    /// Whether somebody watches the workers' processes and tells the coordinator of their ends.
    var isSupervised: Bool
    /// Whether a worker that loses its connection keeps its state.
    var keepsState: Bool
    var mutation: Mutation?

    init(seed: UInt64, worlds: ClosedRange<Int>, mutation: Mutation?, _ draws: inout Draws) {
        // Small worlds more often: they are quick, and most orders of events happen there already.
        world = min(draws.number(worlds), draws.number(worlds))
        minimum = draws.chance(500) ? world : draws.number(1...world)
        maximum = min(world + (draws.chance(500) ? draws.number(1...3) : 0), max(16, worlds.upperBound))
        maximum = max(maximum, world)
        plan = RunPlan(
            seed: seed, probeSteps: draws.number(1...5), scoringParts: draws.number(1...2),
            fineTuneSteps: draws.number(2...9), evaluateEvery: draws.number(2...5), saveEvery: draws.number(1...5),
            mostShards: draws.number(1...2 * world + 2))
        faultBudget = draws.chance(50) ? 0 : draws.number(1...12)
        faultRate = [50, 200, 800, 3000][draws.below(4)]
        faultsEnd = draws.milliseconds(1000...60_000)
        hasCorruption = draws.chance(150)
        usualDelay = [500, 5000, 50_000][draws.below(3)]
        slowMessages = [0, 20, 100][draws.below(3)]
        isSupervised = draws.chance(500)
        keepsState = draws.chance(500)
        self.mutation = mutation
        let corrupting = hasCorruption
        let all = Fault.allCases.filter { corrupting || $0 != .corruption }
        // A few kinds at a time meet each other more often.
        kinds = draws.chance(400) ? all : all.filter { _ in draws.chance(350) }
        if kinds.isEmpty { kinds = all }
        if mutation != nil {
            hasCorruption = mutation?.takesCorruption ?? false
            kinds = hasCorruption ? Fault.allCases : all.filter { $0 != .corruption }
            faultBudget = max(faultBudget, 4)
            faultRate = max(faultRate, 200)
        }
    }

    static let deadlines = Deadlines(
        join: 300_000_000_000, preparation: 10_000_000_000, silence: 3_000_000_000, rejoin: 3_000_000_000_000,
        workFloor: 8_000_000_000)

    var requirements: JoinRequirements {
        JoinRequirements(
            workerCount: world, minimumCount: minimum, maximumCount: maximum, protocolVersion: 1, build: "b",
            modelFingerprint: Self.fingerprint, allowsMixedKernels: false)
    }

    static let fingerprint = [UInt8](repeating: 9, count: 4)
    static let probe = [UInt8](repeating: 7, count: 4)
}

/// What may happen to a cluster.
enum Fault: CaseIterable {
    case killWorker, freezeWorker, cutControl, holdControl, isolateWorker, breakDataLink, partitionPair, slowWorker
    /// Two workers never reach each other again, and a latecomer never reaches some of the others.
    case partForGood, joinUnreachable
    case ownTrouble, miscount, joinLate, killCoordinator, freezeCoordinator, corruption, strangeBuild
}
