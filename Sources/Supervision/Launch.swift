//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Synchronization

/// A run on many hosts, from one command: installs, certifies, starts, follows, and ends exactly what it started.
///
/// Every process stands under a supervisor that outlives this one: a launcher that is killed leaves a run that goes on.
package final class Launch {
    private let plan: LaunchPlan
    private let console: @Sendable (String) -> Void
    private let interruption: Interruption
    /// Asked for when the user is in a hurry: the run's state is not saved any more.
    private let force: Interruption
    private let registry: LaunchRegistry

    /// - Parameters:
    ///   - interruption: Asks for an orderly end.
    ///   - force: Asks for an end at once.
    package init(
        _ plan: LaunchPlan, interruption: Interruption, force: Interruption,
        console: @escaping @Sendable (String) -> Void
    ) {
        self.plan = plan
        self.interruption = interruption
        self.force = force
        self.console = console
        registry = LaunchRegistry(home: plan.home)
    }

    /// Runs to the end.
    /// - Returns: The exit code of the run: 0 done, 1 failed, 2 wrong configuration, 3 stopped with its state saved.
    /// - Throws: Whatever kept it from running; then nothing of it runs any more, or the error says where something may.
    package func run() throws -> Int32 {
        let certificates = try authority()
        try requireNoOther()
        let release = try Release(file: plan.releaseFile)
        let launch = "\(Int(Date().timeIntervalSince1970))-\(UUID().uuidString.prefix(8).lowercased())"
        let shell = RemoteShell(plan.shell)
        let program = release.program(in: plan.shell.workdir)
        let links = plan.hosts.enumerated().map { place, host in
            let worker = LaunchPlan.worker(place)
            return HostLink(
                host, worker: worker, shell: shell, program: program,
                folder: "\(plan.shell.workdir)/runs/\(plan.run)/\(launch)/\(worker)")
        }
        var record = LaunchRecord(
            run: plan.run, launch: launch, outputDirectory: plan.outputDirectory, hosts: [], shell: plan.shell,
            program: program, coordinatorFolder: "\(registry.folder(of: plan.run))/launches/\(launch)")
        func keep() throws {
            record.hosts = links.map {
                LaunchRecord.Host(name: $0.host.name, worker: $0.worker, slots: $0.host.slots, folder: $0.folder)
            }
            try registry.write(record)
        }

        let ending = Ending(links: links, force: force, console: console, graceful: plan.stopTimeout)
        do {
            console("run \(plan.run) on \(links.count) host\(links.count == 1 ? "" : "s")")
            let local = try release.installHere(in: plan.home, interruption: interruption)
            let ownAddresses = try install(release, on: links)
            try examine(program: local, programThere: program)
            let requests = try prepare(links)
            try keep()

            let follower = RunFollower(
                record, links: links, minWorkers: plan.minWorkers, hostTimeout: plan.hostTimeout, fromStart: true,
                console: console)
            let port = try startCoordinator(record, program: local, certificates, ending, follower)
            try startWorkers(links, requests, certificates, port: port, addresses: ownAddresses)
            for link in links {
                console("  \(link.label), \(link.host.slots) slot\(link.host.slots == 1 ? "" : "s")")
            }
            follower.watchHosts()
            defer { follower.leave() }
            let code = try follow(follower, record, ending)
            // The run has its result, whatever became of a host.
            if let problem = try finish(ending, &record) { console(problem) }
            return code
        } catch {
            guard let problem = try finish(ending, &record) else { throw error }
            throw SupervisionError(.runFailed, "\(error)\n\(problem)")
        }
    }

    // MARK: Before anything runs

    /// The run's authority, made or used again.
    private func authority() throws -> CertificateFolder {
        let folder = CertificateFolder(registry.folder(of: plan.run) + "/certificates")
        if FileManager.default.fileExists(atPath: folder.authorityFile) {
            let summary = try folder.authority().summary
            if summary.notAfter > CalendarTime.now() + Int64(plan.certificateHours) * 3600 { return folder }
            // Members get new certificates with every launch: nothing is lost with the old authority.
            try FileManager.default.moveItem(atPath: folder.path, toPath: folder.path + ".until-\(summary.notAfter)")
        }
        try folder.makeAuthority(run: plan.run, validForHours: max(365 * 24, plan.certificateHours * 2))
        return folder
    }

    /// A run goes on once; what an earlier launch may have left on hosts is ended first.
    private func requireNoOther() throws {
        guard let earlier = try registry.record(of: plan.run), !earlier.hasEnded else { return }
        guard earlier.coordinator.supervisor?.isAlive != true, earlier.launcher?.isAlive != true else {
            throw SupervisionError(
                .badSetup,
                "the run \(plan.run) is going on: `loradrop attach \(plan.run)` follows it, "
                    + "`loradrop stop \(plan.run)` ends it")
        }
        console("ending what an earlier launch of \(plan.run) may have left")
        let problems = earlier.links().compactMap { $0.end(grace: 0, patience: 0) }
        for problem in problems { console("  \(problem)") }
        try HostCommands.end(earlier.coordinator, grace: 0)
    }

    private func install(_ release: Release, on links: [HostLink]) throws -> [String?] {
        let addresses = Mutex<[Int: String]>([:])
        try HostThreads.forEach(links.count) { [plan, interruption, console] place in
            let address = try links[place].install(
                release, within: plan.installTimeout, interruption: interruption, console: console)
            addresses.withLock { $0[place] = address }
        }
        return addresses.withLock { found in links.indices.map { found[$0] } }
    }

    /// Asks the doctor, with the program that is on the hosts by now.
    private func examine(program: String, programThere: String) throws {
        guard let arguments = plan.doctorArguments else { return }
        console("examining the hosts")
        let found = try CommandRun(program, ["doctor", "--program", programThere] + arguments).run(
            until: .after(.seconds(plan.installTimeout)), interruption: interruption)
        guard found.end == .exit(0) else {
            for line in (found.outputText + "\n" + found.errorText).split(whereSeparator: \.isNewline) {
                console("  \(line)")
            }
            throw SupervisionError(
                .remoteFailure,
                "the doctor found what would keep the run from working; --skip-doctor starts it "
                    + "nevertheless")
        }
    }

    private func prepare(_ links: [HostLink]) throws -> [CertificateRequest] {
        let requests = Mutex<[Int: CertificateRequest]>([:])
        try HostThreads.forEach(links.count) { [interruption] place in
            let request = try links[place].prepare(interruption: interruption)
            requests.withLock { $0[place] = request }
        }
        return try requests.withLock { found in
            try links.indices.map { place in
                guard let request = found[place] else { throw SupervisionError(.interrupted, "interrupted") }
                return request
            }
        }
    }

    // MARK: Starting

    /// - Returns: The port that the coordinator listens on.
    private func startCoordinator(
        _ record: LaunchRecord, program: String, _ certificates: CertificateFolder, _ ending: Ending,
        _ follower: RunFollower
    ) throws -> UInt16 {
        let folder = record.coordinator
        let endpointFile = folder.path + "/endpoint"
        let configuration = folder.path + "/config.yaml"
        let preparation = try HostCommands.prepare(folder, names: [LaunchPlan.coordinator])
        guard let text = preparation.requests[LaunchPlan.coordinator] else {
            throw SupervisionError(.file, "\(folder.path): no certificate request was made")
        }
        let identity = try PeerIdentity(role: .coordinator, name: LaunchPlan.coordinator, run: plan.run)
        let signed = try certificates.certify(
            CertificateRequest(pem: text, from: folder.path), as: identity, validForHours: plan.certificateHours)
        do {
            try plan.configuration.write(toFile: configuration, atomically: true, encoding: .utf8)
        } catch {
            throw SupervisionError(.file, "cannot write \(configuration): \(error.localizedDescription)")
        }
        let coordinator = Specification.Program(
            name: LaunchPlan.coordinator, executable: program,
            arguments: [
                "coordinator", "--config", configuration, "--certificates", folder.certificates, "--name",
                LaunchPlan.coordinator, "--endpoint-file", endpointFile,
            ], environment: plan.shell.environment.map(\.text), restart: .onSignal, maxRestarts: plan.maxRestarts,
            endpointFile: endpointFile, outputFile: record.outputFile)
        ending.coordinatorMayRun()
        _ = try HostCommands.start(
            folder,
            specification: Specification(
                programs: [coordinator],
                credentials: [
                    Specification.Credential(
                        name: LaunchPlan.coordinator, certificate: signed.certificate, authority: signed.authority)
                ]), executable: program)
        return try port(from: endpointFile, record, follower)
    }

    /// Waits until the coordinator has read its data and listens.
    private func port(from file: String, _ record: LaunchRecord, _ follower: RunFollower) throws -> UInt16 {
        var port: UInt16?
        let isThere = try interruption.wait(until: .after(.seconds(3600))) {
            let end = follower.look()
            if let text = try? String(contentsOfFile: file, encoding: .utf8), text.hasSuffix("\n") {
                port = try Endpoint(parsing: text.trimmingCharacters(in: .whitespacesAndNewlines)).port
                return true
            }
            if case .ended(let code, let message) = end {
                throw CoordinatorEnd(exitCode: code ?? 1, message: message)
            }
            return false
        }
        guard isThere, let port else {
            throw SupervisionError(.timedOut, "the coordinator did not listen within an hour; see \(record.outputFile)")
        }
        return port
    }

    private func startWorkers(
        _ links: [HostLink], _ requests: [CertificateRequest], _ certificates: CertificateFolder, port: UInt16,
        addresses: [String?]
    ) throws {
        // A host that is this machine sees ssh come from the loopback; others could not reach that worker then.
        let outward = addresses.compactMap { $0 }.first { !Self.isLoopback($0) }
        try HostThreads.forEach(links.count) { [plan, interruption] place in
            let link = links[place]
            let seen = addresses[place].flatMap { Self.isLoopback($0) ? outward ?? $0 : $0 }
            guard let address = plan.advertise ?? seen else {
                throw SupervisionError(
                    .remoteFailure,
                    "\(link.host.name) does not say by which address it sees this machine "
                        + "(SSH_CONNECTION); give --cluster.advertise")
            }
            let identity = try PeerIdentity(role: .worker, name: link.worker, run: plan.run)
            let signed = try certificates.certify(
                requests[place], as: identity, validForHours: plan.certificateHours)
            let folder = StateFolder(link.folder)
            let farewell = folder.path + "/farewell"
            let program = Specification.Program(
                name: link.worker, executable: "/proc/self/exe",
                arguments: [
                    "worker", "--coordinator", try Endpoint(host: address, port: port).description, "--certificates",
                    folder.certificates, "--name", link.worker, "--slots", String(link.host.slots), "--bind",
                    address.contains(":") ? "::" : "0.0.0.0", "--farewell-file", farewell,
                ] + plan.workerArguments, restart: .onFailure, maxRestarts: plan.maxRestarts, farewellFile: farewell)
            try link.start(
                Specification(
                    programs: [program],
                    credentials: [
                        Specification.Credential(
                            name: link.worker, certificate: signed.certificate, authority: signed.authority)
                    ]), interruption: interruption)
        }
    }

    private static func isLoopback(_ address: String) -> Bool { address.hasPrefix("127.") || address == "::1" }

    // MARK: Following and ending

    private func follow(_ follower: RunFollower, _ record: LaunchRecord, _ ending: Ending) throws -> Int32 {
        switch follower.follow(interruption) {
        case .ended(let code, let message):
            if code == 0 { follower.awaitHosts(within: 15, interruption) }
            guard let code else { throw SupervisionError(.runFailed, "the coordinator: \(message)") }
            if code != 0, code != 3 { console("coordinator: \(message)") }
            return code
        case .tooFewWorkers(let words):
            ending.endCoordinator(record.coordinator, graceful: true)
            throw SupervisionError(.runFailed, words)
        case .interrupted:
            console("stopping with the state saved; once more ends at once")
            // In its own time, while what it says is shown.
            let stopping = Thread { ending.endCoordinator(record.coordinator, graceful: true) }
            stopping.start()
            let never = Interruption()
            guard case .ended(let code, let message) = follower.follow(never) else { return 1 }
            if code != 3 { console("coordinator: \(message)") }
            return code ?? 1
        }
    }

    /// Ends whatever still runs.
    /// - Returns: Where that did not work, in words; nil where nothing is left.
    private func finish(_ ending: Ending, _ record: inout LaunchRecord) throws -> String? {
        ending.endCoordinator(record.coordinator, graceful: false)
        let problems = ending.endHosts()
        guard problems.isEmpty else {
            return "not ended everywhere; `loradrop stop \(plan.run)` tries again:\n  "
                + problems.joined(separator: "\n  ")
        }
        record.hasEnded = true
        if !record.hosts.isEmpty { try registry.write(record) }
        return nil
    }
}

/// The coordinator ended before it listened.
package struct CoordinatorEnd: Error, CustomStringConvertible {
    package let exitCode: Int32
    package let message: String

    package var description: String { "the coordinator ended before the workers were started: \(message)" }
}

extension LaunchRecord {
    /// The hosts' links, for whoever comes later.
    package func links() -> [HostLink] {
        let shell = RemoteShell(shell)
        return hosts.map {
            HostLink(
                Hostfile.Host(name: $0.name, slots: $0.slots, line: 0), worker: $0.worker, shell: shell,
                program: program, folder: $0.folder, wasStarted: true)
        }
    }
}
