//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Cluster
import Foundation
package import RunConfiguration
import RunRecords
import SecureTransport
package import Training

/// A cluster on one machine in which things go wrong as planned: every member is a process of its own, behind a network
/// that is shaped, and faults come at events of the run.
package final class DisturbedCluster {
    /// Why a disturbed run has no result.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        /// With which the simulation should end: 2 where the coordinator found the configuration wrong.
        package var exitCode: Int32 = 1
    }

    private let settings: RunSettings
    private let plan: FaultPlan
    private let maxRestarts: Int
    private let executable: String
    private let console: any Console
    private let stop: StopRequest
    private let scratch: SimulationFolder
    private let network: ShapedNetwork
    private let inbox = DisturbanceInbox()
    private var coordinatorDoor = ""
    private var places: [Int: (bind: String, port: UInt16, advertise: String)] = [:]
    private var workers: LocalWorkers?
    private var coordinator: ToldProcess?
    /// Counts the starts of the coordinator.
    private var start = 0
    private var wasKilled = false
    private var injector: FaultInjector
    private var partitionCount = 0
    /// What happened, for the user and for measurements.
    package private(set) var timeline = RecoveryTimeline()
    /// What is to be undone, and when.
    private var timers: [(at: Deadline, action: Timer)] = []

    private enum Timer {
        case continueProcess(FaultTarget)
        case endPartition(Int, Partition)
        case startCoordinator
    }

    /// - Parameters:
    ///   - maxRestarts: How often a worker that ended is started again; a coordinator always is.
    ///   - executable: The program that everybody is started from.
    /// - Throws: `FaultPlanError` if the plan names somebody who is not there.
    package init(
        _ settings: RunSettings, plan: FaultPlan, maxRestarts: Int, executable: String, console: any Console,
        stop: StopRequest
    ) throws {
        try plan.check(workers: settings.cluster.workers)
        self.settings = settings
        self.plan = plan
        self.maxRestarts = maxRestarts
        self.executable = executable
        self.console = console
        self.stop = stop
        injector = FaultInjector(plan)
        scratch = try SimulationFolder()
        network = try ShapedNetwork(plan.link)
    }

    /// Runs to the end.
    /// - Returns: Whether the run is finished; false if the user stopped it and its state is saved.
    package func run() throws -> Bool {
        defer {
            workers?.end(within: settings.cluster.shutdownTimeout)
            network.end()
            scratch.remove()
        }
        try prepare()
        try startCoordinator()
        defer {
            coordinator?.signal(SIGCONT)
            coordinator?.signal(SIGKILL)
        }
        var isAskedToStop = false
        while true {
            if stop.isRequested, !isAskedToStop, let coordinator {
                isAskedToStop = true
                coordinator.signal(SIGINT)
            }
            try fireTimers()
            let next = timers.map(\.at).min() ?? .after(.milliseconds(200))
            guard let message = inbox.next(until: min(next, .after(.milliseconds(200)))) else { continue }
            switch message {
            case .told(let event, let start):
                guard start == self.start else { continue }
                try take(event)
            case .coordinatorEnded(let exitCode, let start):
                guard start == self.start else { continue }
                if let isFinished = try coordinatorEnded(exitCode) { return isFinished }
            case .workerEnded(let end):
                timeline.note(
                    "\(end.name) ended (\(end.reason.prefix(120)))"
                        + (end.pause.map { "; it starts again in \($0)" } ?? "; it stays down"), at: now())
                try number(of: end.name).map { try network.close(.worker($0)) }
                coordinator?.order(.ended(worker: end.name, reason: end.reason, returns: end.pause != nil))
                if end.pause != nil, let number = number(of: end.name) { try openDoor(of: number) }
            }
        }
    }

    /// Faults whose place the run never came to.
    package var faultsLeft: [Fault] { injector.left }

    // MARK: The members

    private func prepare() throws {
        let numbers = Set(0..<settings.cluster.workers).union(plan.lateWorkers).sorted()
        try scratch.makeCertificates(run: settings.simulationName, workers: numbers.map(LocalWorkers.name))
        coordinatorDoor = try network.makeDoor(for: .coordinator).description
        for number in numbers {
            let door = try network.makeDoor(for: .worker(number))
            // The same port at an address of its own, so that the worker only has to advertise another address.
            places[number] = (LoopbackAddresses.own(of: .worker(number)), door.port, door.host)
        }
        let setup = LocalWorkers.Setup(
            executable: executable, certificates: scratch.certificates.path,
            spools: RunFolder(settings.outputDirectory), settings: settings, coordinator: coordinatorDoor,
            slowness: plan.slowness, places: places)
        workers = LocalWorkers(setup, maxRestarts: maxRestarts) { [inbox] end in inbox.post(.workerEnded(end)) }
    }

    private func startCoordinator() throws {
        start += 1
        var settings = settings
        // It is started again with the same folder, which holds the run then.
        settings.resume = settings.resume || start > 1
        let configuration = scratch.path + "/run.yaml"
        try Data(settings.canonicalText.utf8).write(to: URL(fileURLWithPath: configuration))
        let number = start
        coordinator = try ToldProcess(
            executable: executable,
            arguments: [
                "coordinator", "--certificates", scratch.certificates.path, "--events-fd", "0", "--config",
                configuration,
            ],
            told: { [inbox] event in inbox.post(.told(event, start: number)) },
            ended: { [inbox] code in inbox.post(.coordinatorEnded(exitCode: code, start: number)) })
    }

    /// - Returns: Whether the run is finished, false if it was stopped; nil if it goes on.
    private func coordinatorEnded(_ exitCode: Int32?) throws -> Bool? {
        try network.close(.coordinator)
        if wasKilled {
            wasKilled = false
            timeline.note("the coordinator ended; it starts again", at: now())
            timers.append((.after(.milliseconds(200)), .startCoordinator))
            return nil
        }
        switch exitCode {
        case 0: return true
        case 3: return false
        default:
            throw Failure(
                description: "the coordinator ended with "
                    + (exitCode.map { "exit code \($0)" } ?? "a signal") + "; what it said stands above",
                exitCode: exitCode == 2 ? 2 : 1)
        }
    }

    private func startWorker(_ number: Int) throws {
        try openDoor(of: number)
        try workers?.start(number)
    }

    private func openDoor(of number: Int) throws {
        guard let place = places[number] else { preconditionFailure("no place for worker \(number)") }
        try network.open(.worker(number), to: Endpoint(host: place.bind, port: place.port))
    }

    private func number(of name: String) -> Int? { Int(name.dropFirst("worker-".count)) }

    // MARK: Events and faults

    private func take(_ told: ToldEvent) throws {
        if case .listening(let endpoint) = told.event {
            try network.open(.coordinator, to: Endpoint(parsing: endpoint))
            if start == 1 {
                for number in 0..<settings.cluster.workers { try startWorker(number) }
            }
        }
        timeline.take(told)
        for fault in injector.take(told.event) {
            try bringAbout(fault)
        }
        if told.waits, !wasKilled {
            coordinator?.order(.goOn)
        }
    }

    private func bringAbout(_ fault: Fault) throws {
        console.line("fault: \(fault)")
        timeline.add(fault, at: now())
        switch fault.action {
        case .kill(.coordinator):
            wasKilled = true
            coordinator?.signal(SIGKILL)
        case .kill(.worker(let number)):
            workers?.signal(number, SIGKILL)
        case .stop(let target, let time):
            signal(target, SIGSTOP)
            timers.append((.after(time), .continueProcess(target)))
        case .disconnect(let target):
            try network.cut(target)
        case .partition(let partition, let time):
            partitionCount += 1
            try network.part(partition, number: partitionCount)
            timers.append((.after(time), .endPartition(partitionCount, partition)))
        case .join(.worker(let number)):
            try startWorker(number)
        case .join(.coordinator):
            preconditionFailure("a coordinator that joins")
        }
    }

    private func fireTimers() throws {
        let due = timers.filter(\.at.hasPassed)
        timers.removeAll { timer in due.contains { $0.at == timer.at } }
        for timer in due {
            switch timer.action {
            case .continueProcess(let target):
                timeline.note("\(target) goes on", at: now())
                signal(target, SIGCONT)
            case .endPartition(let number, let partition):
                timeline.note("\(partition) are together again", at: now())
                try network.join(number: number)
            case .startCoordinator:
                try startCoordinator()
            }
        }
    }

    private func signal(_ target: FaultTarget, _ signal: Int32) {
        switch target {
        case .coordinator: coordinator?.signal(signal)
        case .worker(let number): workers?.signal(number, signal)
        }
    }

    private func now() -> Int64 { MonotonicClock.now().nanoseconds }
}

/// What the main thread of a disturbed cluster is told by the others.
///
/// `@unchecked Sendable`: all mutable state is behind `condition`.
private final class DisturbanceInbox: @unchecked Sendable {
    enum Message {
        case told(ToldEvent, start: Int)
        case coordinatorEnded(exitCode: Int32?, start: Int)
        case workerEnded(LocalWorkers.End)
    }

    private let condition = NSCondition()
    private var messages: [Message] = []

    func post(_ message: Message) {
        condition.withLock {
            messages.append(message)
            condition.broadcast()
        }
    }

    /// The next message; nil if none came in time.
    func next(until deadline: Deadline) -> Message? {
        let (seconds, attoseconds) = deadline.remaining.components
        let date = Date(timeIntervalSinceNow: Double(seconds) + Double(attoseconds) * 1e-18)
        return condition.withLock {
            while messages.isEmpty {
                guard condition.wait(until: date) else { break }
            }
            return messages.isEmpty ? nil : messages.removeFirst()
        }
    }
}
