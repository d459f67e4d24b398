//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Coordination
import RunRecords
package import SecureTransport
import Training
import Wire

/// The coordinator's thread for sockets: accepts workers, turns messages into events of `CoordinatorState`, carries out
/// its directives, and answers the training through `RunBridge`.
///
/// One thread owns everything in it.
package final class CoordinatorLoop {
    /// What a worker is told when it is welcomed.
    package struct Greeting {
        var runID: String
        var coordinatorIncarnation: UInt64
        /// The whole configuration as canonical YAML.
        var configuration: String
        var labelCount: Int
        /// Projections of the model: what a scoring pass has sums for.
        var projectionCount: Int

        package init(
            runID: String, coordinatorIncarnation: UInt64, configuration: String, labelCount: Int, projectionCount: Int
        ) {
            self.runID = runID
            self.coordinatorIncarnation = coordinatorIncarnation
            self.configuration = configuration
            self.labelCount = labelCount
            self.projectionCount = projectionCount
        }
    }

    /// A caller until its hello is accepted, then a worker.
    final class Link {
        let channel: ControlChannel
        var stage: Stage
        /// Whether messages wait that poll cannot see.
        var hasMore = false
        enum Stage {
            case handshake
            case awaitingHello(until: Deadline)
            case joined(name: String)
            /// It belongs to the server of the model now, and to its thread.
            case handedOver
            /// Something is still to be sent; then the link is closed.
            case closing(until: Deadline)
            case closed
        }

        init(channel: ControlChannel, stage: Stage) {
            self.channel = channel
            self.stage = stage
        }
    }

    private static let heartbeatInterval = Duration.seconds(1)
    let bridge: RunBridge
    let log: any RunLog
    let costs: RunningCosts
    let listener: Listener
    let ownContext: TLSContext
    let renewal: RotatingContext?
    var strangers = AdmissionQueue(limit: CoordinatorLoop.strangerLimit)
    var notes = RefusalNotes()
    let handshakeTime: Duration
    private let models: ModelServer?
    let greeting: Greeting
    var state: CoordinatorState
    private var poller = Poller()
    var links: [Int32: Link] = [:]
    private var heartbeats: UInt64 = 0
    private var nextHeartbeat = Deadline.after(.zero)
    /// What was given out and is not done: the shards, and what came back so far.
    var given: [UInt64: GivenWork] = [:]
    /// What the run asked for last.
    var phaseStart: PhaseStart?
    /// What the phase that the workers are in was begun with.
    var begunPhase: PhaseStart?
    /// Directives that are being carried out.
    var upcoming: [CoordinatorState.Directive] = []
    var isPerforming = false
    /// The last state that a worker sent.
    var received: Snapshot?
    /// Callers whose hello is being considered.
    var asking: [String: Link] = [:]
    var hasRoster = false
    private var farewell: (message: Farewell, until: Deadline)?

    struct GivenWork {
        let work: StepWork
        var reports: [String: StepReport] = [:]
        var predictions: [Prediction] = []
        var texts: [GeneratedText] = []
        /// Shards that two workers compute in this generation.
        var audits: [(shard: Int, owner: String, auditor: String)] = []
    }

    /// - Parameters:
    ///   - models: Gets the links that ask for the base model; nil: they are dropped.
    ///   - renewal: Where renewed certificates come from; nil: `context` stays in use.
    ///   - handshakeTime: How long a caller has for its handshake, and then for its hello.
    package init(
        listener: Listener, context: TLSContext, greeting: Greeting, state: CoordinatorState, bridge: RunBridge,
        log: any RunLog, models: ModelServer? = nil, costs: RunningCosts = RunningCosts(),
        renewal: RotatingContext? = nil, handshakeTime: Duration = .seconds(10)
    ) {
        self.listener = listener
        ownContext = context
        self.renewal = renewal
        self.greeting = greeting
        self.state = state
        self.bridge = bridge
        self.log = log
        self.models = models
        self.costs = costs
        self.handshakeTime = handshakeTime
    }

    /// Runs until the training has said farewell, or the run has failed and everyone was told.
    package func run() {
        do {
            while try turn() {}
        } catch {
            fail(
                RunFailure(code: .workerFailed, workers: [], description: "the coordinator's network failed: \(error)"))
        }
        bridge.close()
        for link in links.values {
            link.channel.close()
        }
    }

    /// One round of waiting and doing.
    /// - Returns: Whether there is more to do.
    private func turn() throws -> Bool {
        var interests: [Int32: Interest] = [bridge.wake.descriptor: .readable]
        if farewell == nil {
            interests[listener.descriptor] = .readable
        }
        for (descriptor, link) in links {
            interests[descriptor] = interest(of: link)
        }
        let isBusy = links.values.contains(where: \.hasMore)
        let pause = Deadline.after(isBusy ? .zero : .milliseconds(500))
        let ready = try poller.wait(for: interests, until: min(nextHeartbeat, pause))
        if ready[bridge.wake.descriptor] != nil {
            _ = bridge.wake.clear()
        }
        while let command = bridge.nextCommand() {
            carryOut(command)
        }
        if ready[listener.descriptor] != nil {
            try acceptCallers()
        }
        for (descriptor, link) in links.sorted(by: { $0.key < $1.key })
        where ready[descriptor] != nil || link.hasMore {
            // Serving one link may have ended another.
            if links[descriptor] === link { serve(link) }
        }
        if nextHeartbeat.hasPassed {
            nextHeartbeat = .after(Self.heartbeatInterval)
            try sendHeartbeats()
        }
        closeOverdueLinks()
        if models?.takeProgress() == true {
            perform(state.handle(.modelFetched, at: clock()))
        }
        perform(state.handle(.clockTicked, at: clock()))
        bridge.setWaiting(state.isRecovering)
        if let farewell {
            // A worker closes its link when its last records are acknowledged.
            return !(links.isEmpty || farewell.until.hasPassed)
        }
        return true
    }

    func clock() -> UInt64 { UInt64(MonotonicClock.now().nanoseconds) }

    // MARK: Links

    private func interest(of link: Link) -> Interest {
        switch link.stage {
        case .handshake: link.channel.connection.interest
        case .awaitingHello, .joined: link.channel.interest
        case .closing: link.channel.hasOutput ? .writable : []
        case .closed, .handedOver: []
        }
    }

    /// Lets one link go on.
    ///
    /// Whatever is wrong with it costs this peer its connection and nobody else anything.
    private func serve(_ link: Link) {
        do {
            if case .handshake = link.stage {
                guard try link.channel.connection.progressHandshake() == .done else { return }
                link.stage = .awaitingHello(until: .after(handshakeTime))
            }
            if case .closing = link.stage {
            } else {
                let received = try link.channel.receive()
                link.hasMore = received.hasMore
                for message in received.messages {
                    try take(message, from: link)
                    if case .handedOver = link.stage { return }
                }
                if received.isClosed {
                    lose(link, reason: "it closed the connection")
                }
            }
            if case .closed = link.stage { return }
            try link.channel.flush()
            if case .closing = link.stage, !link.channel.hasOutput {
                drop(link)
            }
        } catch {
            lose(link, reason: "\(error)", kind: RefusalNotes.kind(of: error))
        }
    }

    private func take(_ message: ControlMessage, from link: Link) throws {
        switch link.stage {
        case .awaitingHello:
            if case .modelRequest(let request) = message, let models {
                links[link.channel.connection.descriptor] = nil
                strangers.remove(link.channel.connection.descriptor)
                link.stage = .handedOver
                models.adopt(link.channel, request)
                return
            }
            guard case .hello(let hello) = message, let name = link.channel.connection.peerIdentity?.name else {
                throw ClusterError(code: .unexpectedMessage, message: "its first message is no hello")
            }
            log.write(
                .info, "worker-asks",
                "\(name) asks to join from \(link.channel.connection.peerAddress): "
                    + "\(hello.slots) slot\(hello.slots == 1 ? "" : "s"), \(hello.hostName), process \(hello.processID)"
            )
            log.linkEstablished(name, hello)
            asking[name] = link
            defer { asking[name] = nil }
            perform(state.handle(.joinRequested(worker: name, facts: WorkerFacts(hello)), at: clock()))
        case .joined(let name):
            try take(message, fromWorker: name, link)
        case .handshake, .closing, .closed, .handedOver:
            break
        }
    }

    /// - Parameter kind: Of what sort the reason is, for those that come in large numbers.
    func lose(_ link: Link, reason: String, kind: String = "other") {
        guard farewell == nil else {
            drop(link)
            return
        }
        switch link.stage {
        case .joined(let name):
            log.write(.warning, "worker-lost", "\(name): \(reason)")
            drop(link)
            perform(state.handle(.disconnected(worker: name, reason: reason), at: clock()))
        case .handshake, .awaitingHello, .closing:
            write(notes.note("\(link.channel.peerName): \(reason)", kind: kind))
            drop(link)
        case .closed, .handedOver:
            break
        }
    }

    func drop(_ link: Link) {
        let descriptor = link.channel.connection.descriptor
        if links[descriptor] === link {
            links[descriptor] = nil
            strangers.remove(descriptor)
        }
        link.stage = .closed
        link.channel.close()
    }

    private func sendHeartbeats() throws {
        heartbeats += 1
        let heartbeat = try Heartbeat(
            counter: heartbeats, monotonicNanoseconds: Int(MonotonicClock.now().nanoseconds), step: 0, shardsDone: 0)
        for link in Array(links.values) {
            if case .joined(let name) = link.stage {
                send(.heartbeat(heartbeat), to: name)
            }
        }
    }

    /// Queues a message for a worker that has joined and sends what the socket takes.
    func send(_ message: ControlMessage, to worker: String) {
        guard let link = link(of: worker) else { return }
        deliver(message, over: link)
    }

    /// Whoever does not take it loses its link, and nobody else anything.
    private func deliver(_ message: ControlMessage, over link: Link) {
        do {
            try link.channel.send(message)
            try link.channel.flush()
        } catch {
            lose(link, reason: "\(error)")
        }
    }

    func link(of worker: String) -> Link? {
        links.values.first { if case .joined(worker) = $0.stage { true } else { false } }
    }

    // MARK: The training's commands

    private func carryOut(_ command: RunBridge.Command) {
        let now = clock()
        switch command {
        case .beginPhase(let start):
            phaseStart = start
            perform(state.handle(.phaseRequested(name: "\(start.phase)", step: start.startStep), at: now))
        case .give(let work, let stepWork):
            given[work.id] = GivenWork(work: stepWork)
            perform(state.handle(.workRequested(work), at: now))
        case .snapshot:
            perform(state.handle(.stateRequested, at: now))
        case .workerEnded(let worker, let reason, let returns):
            guard farewell == nil else { return }
            perform(state.handle(.processEnded(worker: worker, reason: reason, returns: returns), at: now))
        case .end(let message):
            sayFarewell(message)
        }
    }

    func sayFarewell(_ message: Farewell) {
        guard farewell == nil else { return }
        farewell = (message, .after(.seconds(5)))
        for link in Array(links.values) {
            guard case .joined(let name) = link.stage else {
                drop(link)
                continue
            }
            send(.farewell(message), to: name)
        }
    }

    /// Ends the run: the training hears of it, and so do the workers that are left.
    func fail(_ failure: RunFailure) {
        if farewell == nil {
            log.failing(
                failure, state.standings.map { FailureCard.Standing(worker: $0.worker, activity: $0.activity) })
        }
        bridge.deliver(.failed(failure))
        if let message = try? Farewell(
            reason: .failed, message: String(failure.description.prefix(1000)), exitCode: 1)
        {
            sayFarewell(message)
        }
    }

    /// Takes a caller as a member.
    func welcome(_ worker: String) throws {
        guard let link = asking[worker] else { return }
        link.stage = .joined(name: worker)
        strangers.remove(link.channel.connection.descriptor)
        link.channel.accept(.fromWorker)
        deliver(
            .welcome(
                try Welcome(
                    runID: greeting.runID, coordinatorIncarnation: greeting.coordinatorIncarnation,
                    configuration: greeting.configuration, labelCount: greeting.labelCount)), over: link)
    }

    func refuse(_ worker: String, _ refusal: JoinRefusal) throws {
        guard let link = asking[worker] else { return }
        log.write(.warning, "worker-refused", "\(worker): \(refusal.reason)")
        link.stage = .closing(until: .after(.seconds(5)))
        deliver(.refusal(try Refusal(refusal)), over: link)
    }

    /// Ends a member's connection.
    func dismiss(_ worker: String, _ reason: String) {
        log.write(.warning, "worker-lost", "\(worker): \(reason)")
        if let link = link(of: worker) {
            drop(link)
        }
    }
}
