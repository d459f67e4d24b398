//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import Digests
import Files
import Foundation
import LoRA
package import RunConfiguration
import RunRecords
package import SecureTransport
import Synchronization
import Tensors
package import Training
import Wire

/// The coordinator of one run, from the preparation of the data to the exported adapter.
package final class CoordinatorProcess {
    private let settings: RunSettings
    private let context: TLSContext
    private let renewal: RotatingContext?
    private let console: any Console
    private let stop: StopRequest
    private let listening: (Endpoint) throws -> Void
    /// Takes word of workers whose processes ended.
    package let obituaries: Obituaries
    /// Takes the records of supervisors on this host.
    private let logIntake: LogIntake
    /// Called once the run is over, while its log files are still open: for ending the processes of workers and taking
    /// what they say at last.
    package var leaving: () -> Void = {}
    /// Told of what happens in the run; set before `run`.
    package var events: RunEventStream?

    /// - Parameters:
    ///   - logIntake: What supervisors on this host give their records to.
    ///   - listening: Told where workers may call, once they may.
    /// - Throws: `TransportError` if the credentials cannot be used.
    package init(
        _ settings: RunSettings, credentials: TLSCredentials, renewal: RotatingContext? = nil, console: any Console,
        stop: StopRequest, logIntake: LogIntake = LogIntake(), obituaries: Obituaries = Obituaries(),
        listening: @escaping (Endpoint) throws -> Void
    ) throws {
        self.settings = settings
        context = try TLSContext(credentials)
        self.renewal = renewal
        self.console = console
        self.stop = stop
        self.logIntake = logIntake
        self.obituaries = obituaries
        self.listening = listening
    }

    /// Prepares, waits for the workers, trains, and writes the results.
    /// - Returns: Whether the run is finished; false if the user stopped it and its state is saved.
    /// - Throws: Whatever ends the run; the last checkpoint stays usable.
    package func run() throws -> Bool {
        console.line("preparing \(settings.model) and the data")
        BuildIdentity.prepare()
        // Before the folder is claimed: what cannot be trained leaves no trace in it.
        let preparation = try RunPreparation(settings)
        let resultDigest = preparation.resultDigest.description
        let claim = try RunClaim(
            RunFolder(settings.outputDirectory), resultDigest: resultDigest, resume: settings.resume)
        // The claim is the lock on the folder: it has to outlive everything below.
        defer { withExtendedLifetime(claim) {} }
        let folder = claim.folder
        guard !FileManager.default.fileExists(atPath: folder.allResults) else {
            console.line("this run is finished: \(folder.allResults). Give another output_dir to run it again")
            return true
        }
        // A port in use leaves no run behind.
        let listener = try Listener(
            on: Endpoint(host: settings.cluster.bind, port: UInt16(settings.cluster.port)))
        try claim.take()
        try AtomicFile.write(settings.canonicalText, to: folder.configuration)
        let reporter = try RunReporter(
            folder: folder, incarnation: claim.incarnation, preparation: preparation, console: console,
            events: events)
        logIntake.reporter.withLock { $0 = reporter }
        defer { logIntake.reporter.withLock { $0 = nil } }
        do {
            let isFinished = try run(claim, listener, preparation, reporter)
            leaving()
            reporter.flushConsole()
            return isFinished
        } catch {
            leaving()
            reporter.failed(error)
            throw error
        }
    }

    private func run(
        _ claim: RunClaim, _ listener: Listener, _ preparation: RunPreparation, _ reporter: RunReporter
    ) throws -> Bool {
        let folder = claim.folder
        let store = CheckpointStore(
            folder: URL(fileURLWithPath: folder.path, isDirectory: true),
            resultDigest: preparation.resultDigest.description
        ) { state, layout, decision, place in
            try preparation.writeAdapter(state, layout: layout, decision: decision, to: place.path)
        }
        reporter.prepared()

        let models = try ModelServer(
            folder: settings.model, weights: preparation.model.weights.fileNames, fingerprint: preparation.fingerprint,
            build: try BuildIdentity.current, log: reporter)
        defer { models.close() }
        let bridge = try RunBridge()
        let costs = RunningCosts()
        let loop = CoordinatorLoop(
            listener: listener, context: context,
            greeting: CoordinatorLoop.Greeting(
                runID: context.identity.run ?? "run", coordinatorIncarnation: claim.incarnation,
                configuration: settings.canonicalText, labelCount: preparation.labelCount,
                projectionCount: preparation.trainable.projections.count),
            state: CoordinatorState(
                requirements: try requirements(preparation), deadlines: deadlines,
                auditRatio: settings.cluster.audit,
                startedAt: UInt64(MonotonicClock.now().nanoseconds)),
            bridge: bridge, log: reporter, models: models, costs: costs, renewal: renewal)
        let endpoint = try Endpoint(
            host: settings.cluster.advertise ?? listener.localEndpoint.host, port: listener.localEndpoint.port)
        let count = settings.cluster.workers
        reporter.informed("listening on \(endpoint) for \(count) worker\(count == 1 ? "" : "s")")
        let network = JoinableThread(name: "network") { loop.run() }
        obituaries.bridge.withLock { $0 = bridge }
        var farewell = try Farewell(reason: .failed, message: "the coordinator failed", exitCode: 1)
        defer {
            obituaries.bridge.withLock { $0 = nil }
            bridge.submit(.end(farewell))
            network.join()
        }
        try listening(endpoint)
        events?.tell(.listening(endpoint: endpoint.description))

        do {
            let result = try train(preparation, store, bridge, reporter)
            guard case .finished(let result) = result else {
                farewell = try Farewell(reason: .stopped, message: "the user stopped the run")
                reporter.informed("stopped; the state is saved. The same command goes on with it")
                return false
            }
            events?.tellAndWait(.reached(.export))
            try preparation.writeAdapter(
                result.finalState, layout: preparation.trainable.layout(result.assignment), decision: result.decision,
                to: folder.adapter)
            try reporter.finished(result, costs: costs.all)
            farewell = try Farewell(reason: .finished, message: "the run is finished")
            return true
        } catch let error as ClusterError where error.code == .stopped {
            farewell = try Farewell(reason: .stopped, message: "the user stopped the run")
            reporter.informed("\(error). The last checkpoint, if there is one, is usable")
            return false
        }
    }

    /// Waits for the workers and trains, from the last checkpoint, and again from there if the workers lose the state.
    private func train(
        _ preparation: RunPreparation, _ store: CheckpointStore, _ bridge: RunBridge, _ reporter: RunReporter
    ) throws -> RunEnd {
        guard case .rosterReady = try bridge.nextAnswer(stop) else {
            throw ClusterError(code: .unexpectedMessage, message: "the cluster answered before its roster was ready")
        }
        while true {
            do {
                return try TrainingRun(
                    plan: preparation.plan, data: preparation.data, trainable: preparation.trainable,
                    fleet: ClusterFleet(bridge: bridge, settings: preparation.plan.compute, stop: stop, events: events),
                    store: store,
                    observer: reporter, stop: stop, trace: trace,
                    now: { Double(MonotonicClock.now().nanoseconds) * 1e-9 }
                ).run(from: try store.latest())
            } catch let failure as RunFailure where failure.code == .stateLost {
                reporter.warned("\(failure); going on from the last checkpoint")
                bridge.restart()
            }
        }
    }

    /// What takes down the fine-tuning, where that is asked for.
    private var trace: TrainingTrace? {
        settings.training.traceDirectory.map {
            TrainingTrace(
                folder: URL(fileURLWithPath: $0, isDirectory: true),
                maximumSequenceLength: settings.training.maxSequenceLength)
        }
    }

    private func requirements(_ preparation: RunPreparation) throws -> JoinRequirements {
        JoinRequirements(
            workerCount: settings.cluster.workers, minimumCount: settings.cluster.minWorkers,
            maximumCount: settings.cluster.maxWorkers, protocolVersion: UInt32(Hello.currentProtocolVersion),
            build: try BuildIdentity.current, modelFingerprint: preparation.fingerprint.bytes,
            allowsMixedKernels: settings.cluster.allowMixedKernels)
    }

    private var deadlines: Deadlines {
        func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(max(0, seconds) * 1e9) }
        return Deadlines(
            join: nanoseconds(settings.cluster.joinTimeout),
            // Those who lack links get to say so before they count as silent.
            preparation: nanoseconds(max(120, 2 * settings.cluster.linkTimeout)),
            silence: nanoseconds(settings.cluster.silenceTimeout),
            rejoin: nanoseconds(settings.cluster.rejoinTimeout),
            workFloor: nanoseconds(settings.cluster.stepTimeoutFloor))
    }
}
