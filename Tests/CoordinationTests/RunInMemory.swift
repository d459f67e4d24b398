//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

let second: UInt64 = 1_000_000_000

func facts(
    slots: Int = 1, build: String = "b1", probe: UInt8 = 7, model: UInt8 = 9, version: UInt32 = 1,
    incarnation: UInt64 = 1
) -> WorkerFacts {
    WorkerFacts(
        protocolVersion: version, build: build, incarnation: incarnation, slots: slots, dataEndpoint: "127.0.0.1:1",
        numericProbe: [UInt8](repeating: probe, count: 32), numericProbeDescription: "cpu \(probe)",
        modelFingerprint: [UInt8](repeating: model, count: 32))
}

/// - Parameter minimum: With how many workers the run goes on; the requested number unless given.
func requirements(
    _ workers: Int, minimum: Int? = nil, maximum: Int? = nil, mixed: Bool = false
) -> JoinRequirements {
    JoinRequirements(
        workerCount: workers, minimumCount: minimum, maximumCount: maximum, protocolVersion: 1, build: "b1",
        modelFingerprint: [UInt8](repeating: 9, count: 32), allowsMixedKernels: mixed)
}

let deadlines = Deadlines(
    join: 60 * second, preparation: 30 * second, silence: 10 * second, rejoin: 120 * second, workFloor: 100 * second,
    workFactor: 20)

func digest(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

func name(_ worker: Int) -> String { "worker-\(worker)" }

/// A step of a phase: its identity and the step that results are `number`, which the digest repeats.
func step(_ number: Int, shards: [Int] = [10, 10, 10, 10]) -> Work {
    Work(
        id: UInt64(number), kind: .collective, description: "step \(number) of the probe", shardTokens: shards,
        resultingStep: number)
}

/// The honest report of a step.
func report(_ number: Int, generation: UInt32 = 1, digest byte: UInt8? = nil) -> CollectiveReport {
    let state = digest(byte ?? UInt8(number))
    return CollectiveReport(
        work: UInt64(number), generation: generation, state: state, result: state, tokens: 10, nanoseconds: 5)
}

extension CoordinatorState {
    mutating func join(_ workers: [Int], incarnation: UInt64 = 1, at now: UInt64 = 0) -> [Directive] {
        workers.flatMap {
            handle(.joinRequested(worker: name($0), facts: facts(incarnation: incarnation)), at: now)
        }
    }

    /// Everyone of the present roster has its data links.
    mutating func linkUp(at now: UInt64 = 0) -> [Directive] {
        guard let roster else { return [] }
        return roster.members.flatMap {
            handle(.linksReady(worker: $0.name, generation: roster.generation), at: now)
        }
    }

    /// A phase is requested and everyone takes it up.
    mutating func takeUpPhase(step: Int = 0, at now: UInt64 = 0) -> [Directive] {
        var directives = handle(.phaseRequested(name: "probe", step: step), at: now)
        for member in roster?.members ?? [] {
            directives += handle(
                .phaseReady(worker: member.name, step: step, digest: digest(UInt8(step))), at: now)
        }
        return directives
    }

    /// Reports of a step in generation 1.
    mutating func report(_ number: Int, by workers: [Int], digest byte: UInt8? = nil) -> [Directive] {
        workers.flatMap {
            handle(
                .collectiveReported(worker: name($0), report: CoordinationTests.report(number, digest: byte)), at: 2)
        }
    }

    mutating func halt(
        _ worker: Int, generation: UInt32 = 1, step: Int?, digest byte: UInt8? = nil, at now: UInt64 = 0
    ) -> [Directive] {
        let state = step.map { HeldState(step: $0, digest: digest(byte ?? UInt8($0))) }
        return handle(.halted(worker: name(worker), generation: generation, state: state), at: now)
    }
}

/// A state machine whose workers have joined, linked up and taken up a phase.
func runningState(workers: Int, minimum: Int? = nil, maximum: Int? = nil) -> CoordinatorState {
    var state = CoordinatorState(
        requirements: requirements(workers, minimum: minimum, maximum: maximum), deadlines: deadlines, startedAt: 0)
    _ = state.join(Array(0..<workers))
    _ = state.linkUp()
    _ = state.takeUpPhase()
    return state
}

extension [CoordinatorState.Directive] {
    /// The failure that ends the run.
    var failure: RunFailure? {
        for case .endRun(let failure) in self { return failure }
        return nil
    }

    /// Whom an order to end its connection goes to.
    var dismissed: [String] { compactMap { if case .dismiss(let worker, _) = $0 { worker } else { nil } } }

    var halted: [String] { compactMap { if case .halt(let worker, _) = $0 { worker } else { nil } } }

    /// Which shards are given to whom, by work.
    var assigned: [UInt64: [String: [Int]]] {
        reduce(into: [:]) { result, directive in
            guard case .assign(let worker, let work, let shards) = directive else { return }
            result[work, default: [:]][worker] = shards
        }
    }

    var done: [UInt64] { compactMap { if case .workDone(let work, _) = $0 { work } else { nil } } }

    var rosters: [Roster] { compactMap { if case .formLinks(let roster) = $0 { roster } else { nil } } }

    var equipped: [String] { compactMap { if case .equip(let worker) = $0 { worker } else { nil } } }

    var fetched: [String] { compactMap { if case .fetchState(let worker, _) = $0 { worker } else { nil } } }

    var lostState: RunFailure? {
        for case .stateLost(let failure) in self { return failure }
        return nil
    }

    var deviating: [String]? {
        for case .deviation(let workers, _) in self { return workers }
        return nil
    }

    var refusal: JoinRefusal? {
        for case .refuse(_, let refusal) in self { return refusal }
        return nil
    }
}
