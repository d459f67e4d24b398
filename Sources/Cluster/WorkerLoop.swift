//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Coordination
import SecureTransport
import Wire

/// A worker's thread for the control link: joins the run, passes tasks to the engine and its messages to the
/// coordinator, sends heartbeats, and notices when the coordinator is gone.
final class WorkerLoop {
    /// How a worker's part in a run ended.
    struct Farewell: Equatable {
        /// With which the coordinator wants the worker to end.
        let exitCode: Int
        let message: String
    }

    private static let heartbeatInterval = Duration.seconds(1)

    private let channel: ControlChannel
    private let mailbox: WorkerMailbox
    private let log: WorkerLog
    private var poller = Poller()
    private var heartbeats: UInt64 = 0
    /// What came right behind the welcome.
    private var early: [ControlMessage] = []

    init(channel: ControlChannel, mailbox: WorkerMailbox, log: WorkerLog) {
        self.channel = channel
        self.mailbox = mailbox
        self.log = log
    }

    /// Dials the coordinator, again and again until the deadline, since it may start later than its workers.
    /// - Throws: `TransportError` of the last attempt.
    static func dial(
        _ endpoint: Endpoint, from source: String? = nil, context: TLSContext, until deadline: Deadline
    ) throws -> ControlChannel {
        var pause = Duration.milliseconds(20)
        while true {
            do {
                let socket = try StreamSocket.connect(to: endpoint, from: source, until: deadline)
                let connection = try TLSConnection(
                    socket, side: .client, context: context, expecting: .any(.coordinator, ofRun: context.identity.run),
                    handshakeDeadline: deadline)
                var poller = Poller()
                while try connection.progressHandshake() == .waiting {
                    _ = try poller.wait(for: connection.interest, of: connection.descriptor, until: deadline)
                }
                return ControlChannel(connection, limits: .fromCoordinator)
            } catch let error as TransportError where error.mayPass && !deadline.hasPassed {
                var idle = Poller()
                _ = try idle.wait(for: [:], until: min(.after(pause), deadline))
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    /// Introduces this worker.
    /// - Throws: `ClusterError` with `.refused`, `.refusedForNow` or `.setAside` and the coordinator's reason, or with
    ///   `.coordinatorLost`.
    func join(_ hello: Hello, until deadline: Deadline) throws -> Welcome {
        try channel.send(.hello(hello))
        while true {
            try channel.flush()
            let received = try channel.receive()
            for (place, message) in received.messages.enumerated() {
                switch message {
                case .welcome(let welcome):
                    // The roster may have come in one piece with the welcome.
                    early = Array(received.messages[(place + 1)...])
                    return welcome
                case .refusal(let refusal):
                    let code: ClusterError.Code =
                        switch refusal.code {
                        case .nameInUse, .noPlace: .refusedForNow
                        case .setAside: .setAside
                        default: .refused
                        }
                    throw ClusterError(
                        code: code,
                        message: "the coordinator does not take this worker: \(refusal.message)")
                case .heartbeat: continue
                default:
                    throw ClusterError(
                        code: .unexpectedMessage, message: "the coordinator answered the hello with something else")
                }
            }
            if received.isClosed {
                throw ClusterError(
                    code: .coordinatorLost, message: "the coordinator closed before it answered the hello")
            }
            guard !deadline.hasPassed else {
                throw ClusterError(code: .coordinatorLost, message: "the coordinator did not answer the hello in time")
            }
            _ = try poller.wait(for: channel.interest, of: channel.connection.descriptor, until: deadline)
        }
    }

    /// Serves until the coordinator says farewell.
    /// - Parameter silenceLimit: Silence after which the coordinator counts as lost.
    /// - Throws: `ClusterError` with `.coordinatorLost`; `TransportError`, `WireError`.
    func serve(silenceLimit: Duration) throws -> Farewell {
        var lastHeard = MonotonicClock.now()
        var nextHeartbeat = Deadline.after(.zero)
        var hasMore = true
        log.linkEstablished()
        for message in early {
            if let end = try take(message) { return end }
        }
        while true {
            for message in log.takeBatches() + mailbox.takeMessages() {
                try channel.send(message)
            }
            if nextHeartbeat.hasPassed {
                nextHeartbeat = .after(Self.heartbeatInterval)
                try channel.send(.heartbeat(heartbeat()))
            }
            try channel.flush()
            let ready = try poller.wait(
                for: [channel.connection.descriptor: channel.interest, mailbox.wake.descriptor: .readable],
                until: hasMore ? .after(.zero) : nextHeartbeat)
            if ready[mailbox.wake.descriptor] != nil {
                _ = mailbox.wake.clear()
            }
            let received = try channel.receive()
            hasMore = received.hasMore
            if !received.messages.isEmpty {
                lastHeard = MonotonicClock.now()
            }
            for message in received.messages {
                if let end = try take(message) { return end }
            }
            if received.isClosed {
                throw ClusterError(code: .coordinatorLost, message: "the coordinator closed the connection")
            }
            if MonotonicClock.now().since(lastHeard) > silenceLimit {
                throw ClusterError(
                    code: .coordinatorLost, message: "nothing was heard from the coordinator for \(silenceLimit)")
            }
        }
    }

    /// After a farewell: sends what is left of the log and waits until it is written.
    ///
    /// What does not get there in time stays in the spool.
    func deliverLog(within patience: Duration = .seconds(3)) throws {
        let deadline = Deadline.after(patience)
        while true {
            for message in log.takeBatches() {
                try channel.send(message)
            }
            try channel.flush()
            guard !log.isDelivered, !deadline.hasPassed else { return }
            _ = try poller.wait(for: channel.interest, of: channel.connection.descriptor, until: deadline)
            let received = try channel.receive()
            for case .logAcknowledgement(let acknowledgement) in received.messages {
                try log.acknowledged(acknowledgement)
            }
            guard !received.isClosed else { return }
        }
    }

    private func take(_ message: ControlMessage) throws -> Farewell? {
        switch message {
        case .roster(let roster):
            try mailbox.order(.formLinks(.roster(roster), generation: UInt32(roster.generation)))
        case .phaseStart(let start): try mailbox.order(.beginPhase(.phase(start)))
        case .shardAssignment(let assignment):
            try mailbox.order(.compute(.work(assignment), generation: UInt32(assignment.generation)))
        case .snapshotRequest(let request): try mailbox.order(.sendState(.snapshot(request)))
        case .halt(let halt): try mailbox.order(.halt(generation: UInt32(halt.generation)))
        case .logAcknowledgement(let acknowledgement): try log.acknowledged(acknowledgement)
        case .heartbeat: break
        case .farewell(let farewell):
            return Farewell(exitCode: farewell.exitCode, message: farewell.message)
        case .hello, .welcome, .refusal, .linksReady, .phaseReady, .stepReport, .predictionReport, .textReport,
            .snapshot, .halted, .logBatch, .failure, .modelRequest, .modelManifest, .modelPieceRequest, .modelPiece,
            .modelQueue:
            throw ClusterError(
                code: .unexpectedMessage, message: "the coordinator sent a message that has no place here")
        }
        return nil
    }

    private func heartbeat() throws -> Heartbeat {
        heartbeats += 1
        let progress = mailbox.progress
        return try Heartbeat(
            counter: heartbeats, monotonicNanoseconds: Int(MonotonicClock.now().nanoseconds), step: progress.step,
            shardsDone: progress.shardsDone, work: progress.work, isExchanging: progress.isExchanging,
            roundsDone: progress.roundsDone)
    }
}

extension TransportError {
    /// Whether another attempt may find a coordinator that was not there, or was on its way down or up.
    fileprivate var mayPass: Bool {
        switch code {
        case .unreachable, .timedOut, .closedDuringHandshake, .connectionLost, .truncated: true
        default: false
        }
    }
}
