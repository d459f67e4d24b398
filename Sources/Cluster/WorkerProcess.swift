//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Foundation
import RunConfiguration
import RunRecords
package import SecureTransport
import Training
import Wire

/// One worker, from its start to the coordinator's farewell.
package struct WorkerProcess {
    /// What a worker is told on its command line; everything else comes from the coordinator.
    package struct Options: Sendable {
        /// Where the coordinator listens.
        package var coordinator: Endpoint
        /// The base model's folder on this host.
        package var model: String
        package var trainsPooler: Bool
        package var slots: Int
        /// The address that data links are taken at, and the port; 0 takes any free one.
        package var bind: Endpoint
        /// The address by which other workers reach this one; nil is the one that leads to the coordinator.
        package var advertise: String?
        /// How long the coordinator may be out of reach at the start.
        package var joinTimeout: Duration
        /// An error that it makes on purpose.
        package var fault: ComputeFault?

        package init(
            coordinator: Endpoint, model: String, trainsPooler: Bool = false, slots: Int, bind: Endpoint,
            advertise: String? = nil, joinTimeout: Duration = .seconds(120), fault: ComputeFault? = nil
        ) {
            self.fault = fault
            self.coordinator = coordinator
            self.model = model
            self.trainsPooler = trainsPooler
            self.slots = slots
            self.bind = bind
            self.advertise = advertise
            self.joinTimeout = joinTimeout
        }
    }

    private let options: Options
    private let context: TLSContext
    /// Later starts have higher ones: microseconds since 1970.
    private let incarnation = UInt64(max(1, Date().timeIntervalSince1970 * 1e6))

    /// - Parameter name: Who this worker is; its certificate has to say the same.
    /// - Throws: `TransportError` if the credentials cannot be used; `ClusterError` if they are somebody else's.
    package init(_ options: Options, name: String, credentials: TLSCredentials) throws {
        self.options = options
        context = try TLSContext(credentials)
        guard context.identity.role == .worker, context.identity.name == name else {
            throw ClusterError(
                code: .badSetup,
                message: "the certificate is of \(context.identity), expected worker \"\(name)\"; issue one with "
                    + "loradrop certs issue --role worker \(name)")
        }
    }

    /// Runs until the coordinator says farewell.
    /// - Returns: The exit code that the coordinator asks for, and its reason.
    /// - Throws: Whatever keeps the worker from taking part.
    package func run() throws -> (exitCode: Int, message: String) {
        let model = try BaseModel(folder: options.model, trainPooler: options.trainsPooler)
        let listener = try Listener(on: options.bind)
        // Reading the whole model takes its time: before the coordinator's clock for callers runs.
        let numericProbe = NumericProbe.digest(model.configuration)
        var membership = Membership(deadline: .after(options.joinTimeout))
        let log = WorkerLog()
        var pause = Self.firstPause
        while true {
            do {
                let farewell = try takePart(
                    model, listener, hello(model, numericProbe, listener), log, &membership)
                return (farewell.exitCode, farewell.message)
            } catch {
                guard Self.mayPass(error), !membership.deadline.hasPassed else { throw error }
                log.write(.warning, "coordinator-lost", "\(error); trying again for \(membership.deadline.remaining)")
                if membership.hasJoined {
                    membership.hasJoined = false
                    pause = Self.firstPause
                }
            }
            var idle = Poller()
            _ = try idle.wait(for: [:], until: min(.after(pause), membership.deadline))
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(5)

    /// Whether a coordinator that comes back, or has a place again, could take this worker.
    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let error as ClusterError: [.coordinatorLost, .refusedForNow, .peerClosed].contains(error.code)
        case let error as TransportError:
            [.connectionLost, .truncated, .closedDuringHandshake, .unreachable, .timedOut].contains(error.code)
        default: false
        }
    }

    /// What a worker remembers from one connection to the next.
    private struct Membership {
        /// Until when a coordinator must have been found.
        var deadline: Deadline
        /// Whether the last attempt became a member.
        var hasJoined = false
        /// The highest start of the coordinator that it has seen; an older one is not followed.
        var coordinatorIncarnation: UInt64 = 0
    }

    /// Joins the run and serves until the coordinator says farewell or is lost.
    private func takePart(
        _ model: BaseModel, _ listener: Listener, _ hello: Hello, _ log: WorkerLog, _ membership: inout Membership
    ) throws -> WorkerLoop.Farewell {
        let channel = try WorkerLoop.dial(options.coordinator, context: context, until: membership.deadline)
        defer { channel.close() }
        let mailbox = try WorkerMailbox()
        let loop = WorkerLoop(channel: channel, mailbox: mailbox, log: log)
        let welcome = try loop.join(hello, until: membership.deadline)
        guard welcome.coordinatorIncarnation >= membership.coordinatorIncarnation else {
            throw ClusterError(
                code: .coordinatorLost,
                message: "the coordinator is of its start \(welcome.coordinatorIncarnation), this worker has followed "
                    + "\(membership.coordinatorIncarnation) already")
        }
        let settings = try RunSettings.parse(welcome.configuration, path: "the coordinator's configuration")
        membership.coordinatorIncarnation = welcome.coordinatorIncarnation
        membership.hasJoined = true
        // From the moment that it is lost, that is: while it is there nothing looks at this.
        defer { membership.deadline = .after(.seconds(settings.cluster.coordinatorTimeout)) }
        log.minimum = LogLevel(settings.log.level)
        log.write(.info, "joined", "joined run \(welcome.runID) with \(options.slots) slots")
        let engine = WorkerEngine(
            name: context.identity.name, model: model.classifier, settings: settings.computeSettings,
            trainable: try model.trainable(
                lora: settings.loraSettings, labelCount: welcome.labelCount, sharing: settings.sharing),
            slots: options.slots, mailbox: mailbox,
            links: DataLinkFormation(
                ownName: context.identity.name, runID: welcome.runID,
                coordinatorIncarnation: welcome.coordinatorIncarnation, listener: listener, context: context,
                timeLimit: .seconds(60)), log: log, fault: options.fault)
        let computing = JoinableThread(name: "engine") { engine.run() }
        defer {
            mailbox.close()
            computing.join()
        }
        return try loop.serve(silenceLimit: .seconds(settings.cluster.silenceTimeout))
    }

    private func hello(_ model: BaseModel, _ numericProbe: Digest, _ listener: Listener) throws -> Hello {
        let address = try options.advertise ?? LocalAddress.usedToReach(options.coordinator)
        return try Hello(
            build: BuildIdentity.current, incarnation: incarnation,
            slots: options.slots, memoryByteCount: Int(min(ProcessInfo.processInfo.physicalMemory, 1 << 60)),
            dataEndpoint: Endpoint(host: address, port: listener.localEndpoint.port).description,
            numericProbe: numericProbe.bytes,
            numericProbeDescription: NumericProbe.machineDescription,
            modelFingerprint: model.fingerprint.bytes, hostName: ProcessInfo.processInfo.hostName,
            processID: Int(ProcessInfo.processInfo.processIdentifier),
            wallClockNanoseconds: Int(Date().timeIntervalSince1970 * 1e9))
    }
}
