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
        /// The base model's folder on this host; nil where it has none.
        package var model: String?
        /// Where a model that the host lacks is kept once it was fetched; nil is the user's folder for caches.
        package var cache: String?
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
        /// The folder for log records that the coordinator does not have yet; a start after a crash has to find it again.
        package var spool: String

        /// How many times as long as it takes a shard is made to last: a slow machine, in simulation.
        package var slowness: Double

        package init(
            coordinator: Endpoint, model: String?, cache: String? = nil, trainsPooler: Bool = false, slots: Int,
            bind: Endpoint, advertise: String? = nil, joinTimeout: Duration = .seconds(120), spool: String,
            fault: ComputeFault? = nil, slowness: Double = 1
        ) {
            self.fault = fault
            self.coordinator = coordinator
            self.model = model
            self.cache = cache
            self.trainsPooler = trainsPooler
            self.slots = slots
            self.bind = bind
            self.advertise = advertise
            self.joinTimeout = joinTimeout
            self.spool = spool
            self.slowness = slowness
        }

        /// The address to call from: a specific one that was asked for, on a machine that has several.
        ///
        /// All addresses leave the choice to the kernel's routes, and so does the loopback, the default.
        var source: String? {
            ["0.0.0.0", "::", "127.0.0.1", "::1", "localhost"].contains(bind.host) ? nil : bind.host
        }
    }

    private let options: Options
    private let ownContext: TLSContext
    private let renewal: RotatingContext?
    /// For the next connection.
    private var context: TLSContext { renewal?.current ?? ownContext }

    /// - Parameter name: Who this worker is; its certificate has to say the same.
    /// - Throws: `TransportError` if the credentials cannot be used; `ClusterError` if they are somebody else's.
    package init(_ options: Options, name: String, credentials: TLSCredentials, renewal: RotatingContext? = nil) throws
    {
        self.options = options
        ownContext = try TLSContext(credentials)
        self.renewal = renewal
        guard context.identity.role == .worker, context.identity.name == name else {
            throw ClusterError(
                code: .badSetup,
                message: "the certificate is of \(context.identity), expected worker \"\(name)\"; issue one with "
                    + "loradrop certs issue --role worker \(name)")
        }
    }

    /// Runs until the coordinator says farewell.
    /// - Parameter report: Told what takes its time before the worker has joined.
    /// - Returns: The exit code that the coordinator asks for, and its reason.
    /// - Throws: Whatever keeps the worker from taking part.
    package func run(report: @escaping (String) -> Void) throws -> (exitCode: Int, message: String) {
        let incarnation = WorkerIncarnation.next()
        let log = WorkerLog(
            try LogSpool(
                options.spool,
                stream: LogStream(worker: context.identity.name, origin: .process, incarnation: incarnation)))
        do {
            return try run(incarnation, log, report)
        } catch {
            // The next start delivers it.
            log.write(.error, "worker-ended", "\(error)")
            throw error
        }
    }

    private func run(
        _ incarnation: UInt64, _ log: WorkerLog, _ report: @escaping (String) -> Void
    ) throws -> (exitCode: Int, message: String) {
        BuildIdentity.prepare()
        // Reading, and even more fetching, the whole model takes its time: before the coordinator's clock for callers runs.
        let (model, fingerprint, numericProbe) = try ModelSource(
            folder: options.model, trainsPooler: options.trainsPooler, cacheFolder: options.cache,
            coordinator: options.coordinator, source: options.source, context: context,
            build: { try BuildIdentity.current }, patience: options.joinTimeout, report: report
        ).model { opened in
            BackgroundValue(name: "probe") { [configuration = opened.configuration] in
                NumericProbe.digest(configuration)
            }
        }
        let listener = try Listener(on: options.bind)
        var membership = Membership(patience: options.joinTimeout)
        var pause = Self.firstPause
        while true {
            do {
                let farewell = try takePart(
                    model, listener, hello(fingerprint, numericProbe.get(), listener, incarnation), log, &membership)
                return (farewell.exitCode, farewell.message)
            } catch {
                if (error as? ClusterError)?.code == .setAside {
                    // It is found, and says when it may have this worker.
                    membership.beginsAnew()
                }
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
        case let error as ClusterError: [.coordinatorLost, .refusedForNow, .setAside, .peerClosed].contains(error.code)
        case let error as TransportError:
            [.connectionLost, .truncated, .closedDuringHandshake, .unreachable, .timedOut].contains(error.code)
        default: false
        }
    }

    /// What a worker remembers from one connection to the next.
    private struct Membership {
        /// Until when a coordinator must have been found.
        private(set) var deadline: Deadline
        /// How long it is looked for.
        var patience: Duration
        /// Whether the last attempt became a member.
        var hasJoined = false
        /// The highest start of the coordinator that it has seen; an older one is not followed.
        var coordinatorIncarnation: UInt64 = 0

        init(patience: Duration) {
            self.patience = patience
            deadline = .after(patience)
        }

        mutating func beginsAnew() {
            deadline = .after(patience)
        }
    }

    /// Joins the run and serves until the coordinator says farewell or is lost.
    private func takePart(
        _ model: BaseModel, _ listener: Listener, _ hello: Hello, _ log: WorkerLog, _ membership: inout Membership
    ) throws -> WorkerLoop.Farewell {
        let channel = try WorkerLoop.dial(
            options.coordinator, from: options.source, context: context, until: membership.deadline)
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
        membership.patience = .seconds(settings.cluster.coordinatorTimeout)
        // From the moment that it is lost, that is: while it is there nothing looks at this.
        defer { membership.beginsAnew() }
        log.minimum = LogLevel(settings.log.level)
        log.write(.info, "joined", "joined run \(welcome.runID) with \(options.slots) slots")
        let engine = WorkerEngine(
            name: context.identity.name, model: model.model, settings: settings.computeSettings,
            trainable: try model.trainable(
                lora: settings.loraSettings,
                labelCount: settings.loss == .completion ? 0 : welcome.labelCount, sharing: settings.sharing),
            slots: options.slots, mailbox: mailbox,
            links: DataLinkFormation(
                ownName: context.identity.name, runID: welcome.runID,
                coordinatorIncarnation: welcome.coordinatorIncarnation, listener: listener, context: context,
                timeLimit: .seconds(settings.cluster.linkTimeout), source: options.source, renewal: renewal,
                refused: { log.write(.warning, "caller-refused", $0) }), log: log, fault: options.fault,
            slowness: options.slowness)
        let computing = JoinableThread(name: "engine") { engine.run() }
        defer {
            mailbox.close()
            computing.join()
        }
        let farewell = try loop.serve(silenceLimit: .seconds(settings.cluster.silenceTimeout))
        mailbox.close()
        computing.join()
        try loop.deliverLog()
        return farewell
    }

    private func hello(
        _ fingerprint: Digest, _ numericProbe: Digest, _ listener: Listener, _ incarnation: UInt64
    ) throws -> Hello {
        let address = try options.advertise ?? LocalAddress.usedToReach(options.coordinator)
        return try Hello(
            build: BuildIdentity.current, incarnation: incarnation,
            slots: options.slots, memoryByteCount: Int(min(ProcessInfo.processInfo.physicalMemory, 1 << 60)),
            dataEndpoint: Endpoint(host: address, port: listener.localEndpoint.port).description,
            numericProbe: numericProbe.bytes,
            numericProbeDescription: NumericProbe.machineDescription,
            modelFingerprint: fingerprint.bytes, hostName: ProcessInfo.processInfo.hostName,
            processID: Int(ProcessInfo.processInfo.processIdentifier),
            wallClockNanoseconds: Int(Date().timeIntervalSince1970 * 1e9))
    }
}
