//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

/// A whole run in one process: the state machines of one coordinator and of its workers, with a clock, a network and a
/// disk that follow a seed and do their worst.
///
/// Nothing here computes or waits; a rehearsal is a function of its seed. What is real is `CoordinatorState` and
/// `WorkerState`; the shells around them, the run above and the disk below are models that behave as those in `Cluster`
/// and `Training` do.
package final class Rehearsal {
    /// What a rehearsal came to.
    package struct Outcome: Sendable {
        package var seed: UInt64
        package var world: Int
        /// With how few workers the run goes on.
        package var minimum: Int
        package var events: Int
        /// The virtual time that the run took, in nanoseconds.
        package var duration: UInt64
        package var faults: Int
        package var generations: Int
        package var coordinatorStarts: Int
        /// How often nobody held the state any more.
        package var statesLost: Int
        /// How often a worker was left out because others had no data link with it.
        package var leftOut: Int
        /// Whether the run ended with an error, as it may when memory changes.
        package var endedWithError: Bool
        /// Whether it ended with another state than the undisturbed run, which nobody could have told from a right one.
        package var endedWrong: Bool
        package var broken: BrokenInvariant?
        /// What happened, line by line, if that was asked for.
        package var trace: [String]
    }

    let seed: UInt64
    var draws: Draws
    var scenario: Scenario
    let expectation: Expectation
    var queue = EventQueue<Happening>()
    var now: UInt64 = 0
    var events = 0
    var faultsHaveStopped = false
    var broken: BrokenInvariant?
    var isOver = false

    var workers: [SimulatedWorker] = []
    var links: [ControlLink] = []
    var generations: [DataKey: DataGeneration] = [:]
    /// Pairs of hosts whose data does not get through, by time of healing.
    var partitions: [(pair: UInt32, until: UInt64)] = []
    var coordinator: SimulatedCoordinator?
    var coordinatorStarts = 0
    /// Starts of workers so far.
    var starts: UInt64 = 0
    var disk = SimulatedDisk()
    var faultCount = 0
    var generationCount = 0
    var statesLost = 0
    var leftOut = 0
    /// Whether two of those whom the run started with never reach each other again.
    var havePartedForGood = false
    var endedWithError = false
    var endedWrong = false
    /// The digest of every step that was accepted, by phase and step.
    var accepted: [Int: UInt64] = [:]

    private let isTracing: Bool
    private var trace: [String] = []

    /// - Parameters:
    ///   - worlds: How many workers a run may start with.
    ///   - mutation: A rule to break.
    ///   - isTracing: Whether to write down what happens.
    package init(
        seed: UInt64, worlds: ClosedRange<Int> = 1...16, mutation: Mutation? = nil, isTracing: Bool = false
    ) {
        self.seed = seed
        self.isTracing = isTracing
        var draws = Draws(seed: seed)
        scenario = Scenario(seed: seed, worlds: worlds, mutation: mutation, &draws)
        self.draws = draws
        expectation = scenario.plan.undisturbed()
    }

    /// Rehearses one run to its end, or to the first broken invariant.
    package func run() -> Outcome {
        note("\(scenario)")
        startCoordinator()
        for worker in 0..<scenario.maximum {
            workers.append(SimulatedWorker(index: worker))
            if worker < scenario.world {
                queue.push(.startWorker(worker: worker), at: draws.milliseconds(0...500))
            }
        }
        queue.push(.faultsStop, at: scenario.faultsEnd)
        while !isOver, broken == nil, let (time, event) = queue.pop() {
            now = max(now, time)
            events += 1
            take(event)
            if !faultsHaveStopped, scenario.faultBudget > 0, draws.below(100_000) < scenario.faultRate {
                causeFault(near: event)
            }
            checkBounds()
        }
        if !isOver, broken == nil {
            breaks(.progress, "nothing happens any more, and the run has not finished")
        }
        return Outcome(
            seed: seed, world: scenario.world, minimum: scenario.minimum, events: events, duration: now,
            faults: faultCount,
            generations: generationCount, coordinatorStarts: coordinatorStarts, statesLost: statesLost,
            leftOut: leftOut,
            endedWithError: endedWithError, endedWrong: endedWrong, broken: broken, trace: trace)
    }

    private func take(_ event: Happening) {
        switch event {
        case .connect(let worker, let process): connect(worker, process)
        case .toCoordinator(let link, let message): arriveAtCoordinator(link, message)
        case .toWorker(let link, let message): arriveAtWorker(link, message)
        case .closedAtCoordinator(let link): coordinatorNoticesClose(link)
        case .closedAtWorker(let link): workerNoticesClose(link)
        case .workerTick(let worker, let process): tickWorker(worker, process)
        case .coordinatorTick(let coordinator): tickCoordinator(coordinator)
        case .engine(let worker, let task, let step): engineGoesOn(worker, task, step)
        case .command(let coordinator, let epoch, let command): takeCommand(coordinator, epoch, command)
        case .answer(let coordinator, let answer): takeAnswer(coordinator, answer)
        case .written(let coordinator, let checkpoint): checkpointWritten(coordinator, checkpoint)
        case .processEnded(let worker): takeProcessEnd(worker)
        case .startWorker(let worker): startWorker(worker)
        case .startCoordinator: startCoordinator()
        case .healed: linksHeal()
        case .fullSpeed(let worker): workers[worker].slowness = 1
        case .faultsStop: stopFaults()
        }
    }

    /// Longer than any run takes once faults have stopped.
    private static let timeLimit: UInt64 = 6_000_000_000_000
    private static let eventLimit = 3_000_000
    /// Messages on their way in one direction of one link; heartbeats go on while a link is held.
    private static let linkLimit = 400

    private func checkBounds() {
        if queue.count > 20_000 {
            breaks(.boundedQueues, "\(queue.count) events wait")
        }
        if now > scenario.faultsEnd + Self.timeLimit || events > Self.eventLimit {
            breaks(.progress, "the run has not finished \(now / 1_000_000_000) s after its start")
        }
    }

    func checkLink(_ link: Int) {
        let waiting = max(links[link].toCoordinator.count, links[link].toWorker.count)
        if waiting > Self.linkLimit {
            breaks(.boundedQueues, "\(waiting) messages wait on the link of worker-\(links[link].worker)")
        }
    }

    // MARK: Notes

    func breaks(_ invariant: Invariant, _ detail: @autoclosure () -> String) {
        guard broken == nil else { return }
        broken = BrokenInvariant(invariant: invariant, detail: detail())
        note("BROKEN \(invariant.rawValue): \(detail())")
    }

    func note(_ line: @autoclosure () -> String) {
        guard isTracing else { return }
        let milliseconds = Double(now / 1000) / 1000
        trace.append("\(milliseconds) ms  \(line())")
    }

    /// A step was accepted as done.
    func accept(_ state: ModelState) {
        let place = state.phase << 32 | state.step
        if let known = accepted[place], known != state.digest, !scenario.hasCorruption {
            breaks(.oneStateAStep, "step \(state.step) of phase \(state.phase) is accepted with two digests")
        }
        accepted[place] = state.digest
        checkExpected(state, "the step that was accepted")
    }

    /// Without corruption every state is the undisturbed run's.
    func checkExpected(_ state: ModelState, _ what: @autoclosure () -> String) {
        guard !scenario.hasCorruption else { return }
        let states = expectation.states[state.phase]
        guard state.step < states.count, states[state.step] == state else {
            breaks(
                .oneStateAStep,
                "\(what()), step \(state.step) of phase \(state.phase), is not that of the undisturbed run")
            return
        }
    }
}
