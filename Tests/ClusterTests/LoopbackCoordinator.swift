//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Coordination
import Foundation
import RunRecords
import SecureTransport
import Synchronization
import Wire

/// A coordinator's loop in a thread of this process, and what it takes to call it.
final class LoopbackCoordinator {
    /// Keeps what was written, for the test to look at.
    final class KeptLog: RunLog, Sendable {
        private let kept = Mutex<[String]>([])

        var lines: [String] { kept.withLock { $0 } }

        func write(_ severity: LogLevel, _ event: String, _ message: String) {
            kept.withLock { $0.append("\(event): \(message)") }
        }

        func take(_ batch: LogBatch, from worker: String) -> LogAcknowledgement? {
            kept.withLock { $0 += batch.records.map { "\(worker): \($0.message)" } }
            return nil
        }

        func rosterReady(_ roster: Coordination.Roster) {
            kept.withLock { $0.append("roster: \(roster.members.map(\.name))") }
        }
        func linkEstablished(_ worker: String, _ hello: Hello) {}
        func heard(_ heartbeat: Heartbeat, from worker: String) {}
        func failing(_ failure: RunFailure, _ standings: [FailureCard.Standing]) {}
    }

    let endpoint: Endpoint
    let log = KeptLog()
    private let authority: CertificateAuthority
    private let bridge: RunBridge
    private let network: JoinableThread
    private let models: ModelServer?

    /// - Parameter serve: Makes the server of the base model, if there is to be one.
    init(
        workers: Int, handshakeTime: Duration = ControlPeer.patience, serve: ((KeptLog) throws -> ModelServer)? = nil
    ) throws {
        authority = try CertificateAuthority.make(run: "loop", validForHours: 24)
        bridge = try RunBridge()
        let listener = try Listener(on: Endpoint(host: "127.0.0.1", port: 0))
        endpoint = listener.localEndpoint
        let context = try TLSContext(
            TLSCredentials(
                authority.issue(
                    to: PeerIdentity(role: .coordinator, name: "coordinator", run: "loop"), validForHours: 1)))
        models = try serve?(log)
        let hour: UInt64 = 3_600_000_000_000
        let state = CoordinatorState(
            requirements: JoinRequirements(
                workerCount: workers, protocolVersion: UInt32(Hello.currentProtocolVersion), build: "test",
                modelFingerprint: [UInt8](repeating: 2, count: 32), allowsMixedKernels: false),
            deadlines: Deadlines(join: hour, preparation: hour, silence: hour, rejoin: hour, workFloor: hour),
            startedAt: UInt64(MonotonicClock.now().nanoseconds))
        network = JoinableThread(name: "network") { [bridge, log, models] in
            CoordinatorLoop(
                listener: listener, context: context,
                greeting: CoordinatorLoop.Greeting(
                    runID: "loop", coordinatorIncarnation: 1, configuration: "model: tiny\n", labelCount: 2,
                    projectionCount: 4),
                state: state, bridge: bridge, log: log, models: models, handshakeTime: handshakeTime
            ).run()
        }
    }

    /// Says farewell to everyone and waits for the loop's end.
    func end() throws {
        bridge.submit(.end(try Farewell(reason: .finished, message: "done")))
        network.join()
        models?.close()
    }

    /// What a worker shows at its handshakes.
    func context(_ name: String) throws -> TLSContext {
        try TLSContext(
            TLSCredentials(
                authority.issue(to: PeerIdentity(role: .worker, name: name, run: "loop"), validForHours: 1)))
    }

    /// A worker with a certificate of the run, hands shaken.
    func dial(_ name: String, bufferSize: Int32? = nil) throws -> ControlPeer {
        try ControlPeer.dial(endpoint, context: context(name), bufferSize: bufferSize)
    }

    /// What an honest worker introduces itself with.
    func hello(incarnation: UInt64 = 2) throws -> ControlMessage {
        .hello(
            try Hello(
                build: "test", incarnation: incarnation, slots: 1, memoryByteCount: 1 << 30,
                dataEndpoint: "127.0.0.1:9",
                numericProbe: [UInt8](repeating: 1, count: 32), numericProbeDescription: "test",
                modelFingerprint: [UInt8](repeating: 2, count: 32), hostName: "localhost", processID: 1,
                wallClockNanoseconds: 1))
    }
}
