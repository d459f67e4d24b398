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

        func take(_ batch: LogBatch, from worker: String) {
            kept.withLock { $0 += batch.records.map { "\(worker): \($0.message)" } }
        }

        func rosterReady(_ roster: Coordination.Roster) {
            kept.withLock { $0.append("roster: \(roster.members.map(\.name))") }
        }
    }

    let endpoint: Endpoint
    let log = KeptLog()
    private let authority: CertificateAuthority
    private let bridge: RunBridge
    private let network: JoinableThread

    init(workers: Int, handshakeTime: Duration = ControlPeer.patience) throws {
        authority = try CertificateAuthority.make(run: "loop", validForHours: 24)
        bridge = try RunBridge()
        let listener = try Listener(on: Endpoint(host: "127.0.0.1", port: 0))
        endpoint = listener.localEndpoint
        let context = try TLSContext(
            TLSCredentials(
                authority.issue(
                    to: PeerIdentity(role: .coordinator, name: "coordinator", run: "loop"), validForHours: 1)))
        let hour: UInt64 = 3_600_000_000_000
        let state = CoordinatorState(
            requirements: JoinRequirements(
                workerCount: workers, protocolVersion: UInt32(Hello.currentProtocolVersion), build: "test",
                modelFingerprint: [UInt8](repeating: 2, count: 32), allowsMixedKernels: false),
            deadlines: Deadlines(join: hour, preparation: hour, silence: hour, rejoin: hour, workFloor: hour),
            startedAt: UInt64(MonotonicClock.now().nanoseconds))
        network = JoinableThread(name: "network") { [bridge, log] in
            CoordinatorLoop(
                listener: listener, context: context,
                greeting: CoordinatorLoop.Greeting(
                    runID: "loop", coordinatorIncarnation: 1, configuration: "model: tiny\n", labelCount: 2,
                    projectionCount: 4),
                state: state, bridge: bridge, log: log, handshakeTime: handshakeTime
            ).run()
        }
    }

    /// Says farewell to everyone and waits for the loop's end.
    func end() throws {
        bridge.submit(.end(try Farewell(reason: .finished, message: "done")))
        network.join()
    }

    /// A worker with a certificate of the run, hands shaken.
    func dial(_ name: String) throws -> ControlPeer {
        let context = try TLSContext(
            TLSCredentials(
                authority.issue(to: PeerIdentity(role: .worker, name: name, run: "loop"), validForHours: 1)))
        return try ControlPeer.dial(endpoint, context: context)
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
