//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import RunConfiguration
import RunRecords
import SecureTransport
import Synchronization

/// The workers of a simulation: started, started again when they end, and signalled.
final class LocalWorkers: Sendable {
    /// What every worker is started with.
    struct Setup: Sendable {
        var executable: String
        /// The folder with everybody's certificates.
        var certificates: String
        /// The run's folder, where the workers' spools are.
        var spools: RunFolder
        var settings: RunSettings
        /// Where the coordinator is reached.
        var coordinator: String
        /// How many times as long as elsewhere a worker's shards last.
        var slowness: [Int: Double]
        /// Where a worker listens and is reached; nil leaves it to `cluster.bind`.
        var places: [Int: (bind: String, port: UInt16, advertise: String)]
    }

    /// How a worker's process ended.
    struct End: Sendable {
        var name: String
        var reason: String
        /// The pause after which it is started again; nil if it is not.
        var pause: Duration?
    }

    private struct State {
        var policy: RestartPolicy
        var starts: [String: MonotonicInstant] = [:]
        var isEnding = false
    }

    private let setup: Setup
    private let processes: WorkerProcesses
    private let state: Mutex<State>

    /// - Parameters:
    ///   - intake: Takes what they write to stderr, and what they could not deliver.
    ///   - ended: Told of every worker that ended by itself. It is started again after the pause.
    init(
        _ setup: Setup, maxRestarts: Int, intake: LogIntake = LogIntake(), ended: @escaping @Sendable (End) -> Void
    ) {
        self.setup = setup
        processes = WorkerProcesses(intake)
        state = Mutex(State(policy: RestartPolicy(limit: maxRestarts)))
        processes.watch { [weak self] name, reason, isClean in
            guard let self, !isClean else { return }
            let pause = restart(name)
            ended(End(name: name, reason: reason, pause: pause))
        }
    }

    static func name(_ number: Int) -> String { "worker-\(number)" }

    func start(_ number: Int) throws {
        let name = Self.name(number)
        let arguments = arguments(for: number, name)
        // Under the lock, so that none is started when all are being ended.
        try state.withLock { state in
            guard !state.isEnding else { return }
            state.starts[name] = MonotonicClock.now()
            try processes.start(
                name, executable: setup.executable, arguments: arguments,
                spool: setup.spools.spool(ofWorker: name))
        }
    }

    private func arguments(for number: Int, _ name: String) -> [String] {
        let cluster = setup.settings.cluster
        var arguments = [
            "worker", "--coordinator", setup.coordinator, "--certificates", setup.certificates, "--name", name,
            "--model", setup.settings.model, "--slots", String(cluster.slots), "--join-timeout",
            String(cluster.joinTimeout), "--spool", setup.spools.spool(ofWorker: name),
        ]
        if let place = setup.places[number] {
            arguments += ["--bind", place.bind, "--port", String(place.port), "--advertise", place.advertise]
        } else {
            arguments += ["--bind", cluster.bind]
        }
        if setup.settings.modelOptions.trainPooler {
            arguments.append("--train-pooler")
        }
        if let slowness = setup.slowness[number] {
            arguments += ["--slowness", String(slowness)]
        }
        return arguments
    }

    /// Sends a signal to a worker's process, if it is running.
    func signal(_ number: Int, _ signal: Int32) {
        processes.signal(Self.name(number), signal)
    }

    /// Waits for all workers and ends those that do not end by themselves.
    func end(within seconds: Double) {
        state.withLock { $0.isEnding = true }
        processes.end(within: seconds)
    }

    /// Decides about a worker that ended, and starts it again after the pause.
    private func restart(_ name: String) -> Duration? {
        let pause = state.withLock { state -> Duration? in
            guard !state.isEnding, let start = state.starts[name] else { return nil }
            return state.policy.pause(afterEndOf: name, lifetime: MonotonicClock.now().since(start))
        }
        guard let pause, let number = Int(name.dropFirst("worker-".count)) else { return nil }
        let (seconds, attoseconds) = pause.components
        DispatchQueue.global().asyncAfter(deadline: .now() + Double(seconds) + Double(attoseconds) * 1e-18) { [self] in
            do {
                try start(number)
            } catch {
                // A program that cannot be started now may be later: it counts as another end.
                _ = restart(name)
            }
        }
        return pause
    }
}
