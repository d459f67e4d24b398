//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination

let second: UInt64 = 1_000_000_000

func facts(
    slots: Int = 1, build: String = "b1", probe: UInt8 = 7, model: UInt8 = 9, version: UInt32 = 1
) -> WorkerFacts {
    WorkerFacts(
        protocolVersion: version, build: build, incarnation: 1, slots: slots, dataEndpoint: "127.0.0.1:1",
        numericProbe: [UInt8](repeating: probe, count: 32), numericProbeDescription: "cpu \(probe)",
        modelFingerprint: [UInt8](repeating: model, count: 32))
}

func requirements(_ workers: Int, mixed: Bool = false) -> JoinRequirements {
    JoinRequirements(
        workerCount: workers, protocolVersion: 1, build: "b1", modelFingerprint: [UInt8](repeating: 9, count: 32),
        allowsMixedKernels: mixed)
}

let deadlines = Deadlines(
    join: 60 * second, preparation: 30 * second, silence: 10 * second, workFloor: 100 * second, workFactor: 20)

/// A state machine whose workers have joined and linked up.
func runningState(workers: Int) -> CoordinatorState {
    var state = CoordinatorState(requirements: requirements(workers), deadlines: deadlines, startedAt: 0)
    for worker in 0..<workers {
        _ = state.handle(.joinRequested(worker: "worker-\(worker)", facts: facts()), at: 0)
    }
    for worker in 0..<workers {
        _ = state.handle(.linksReady(worker: "worker-\(worker)", generation: 1), at: 0)
    }
    return state
}

/// The failure among directives.
func failure(_ directives: [CoordinatorState.Directive]) -> RunFailure? {
    for case .endRun(let failure) in directives { return failure }
    return nil
}
