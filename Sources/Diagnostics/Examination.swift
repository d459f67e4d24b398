//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Cluster
import Foundation
import RunConfiguration
import SecureTransport
import Synchronization

/// The whole examination of some hosts: asks each of them, judges the answers, measures the links between them.
///
/// `loradrop doctor` and `loradrop launch` both come in here.
package struct Examination: Sendable {
    /// A host to examine.
    package struct Host: Sendable {
        /// Its name in the report.
        package var name: String
        /// The name or address that the others reach it by.
        package var address: String
        /// Shards that its worker computes at a time; 0 where it has no worker.
        package var slots: Int
        package var isCoordinator: Bool
        /// The command that runs `loradrop doctor --facts` there, with its standard input and output here.
        ///
        /// The program, looked up in PATH, and its arguments; nil is this process.
        package var command: [String]?

        package init(name: String, address: String, slots: Int, isCoordinator: Bool = false, command: [String]?) {
            self.name = name
            self.address = address
            self.slots = slots
            self.isCoordinator = isCoordinator
            self.command = command
        }
    }

    private let hosts: [Host]
    private let plan: ExaminationPlan

    /// How long a host may take to answer at first, and to gather its facts, the model read included.
    private static let greetingTime = Duration.seconds(30)
    private static let factsTime = Duration.seconds(300)
    private static let measureTime = 30.0
    private static let clockRounds = 7

    /// - Throws: `DiagnosticsError` with `.badRequest` for no hosts, a name twice, or an address that is none.
    package init(_ hosts: [Host], plan: ExaminationPlan) throws {
        guard !hosts.isEmpty else { throw DiagnosticsError(.badRequest, "there is no host to examine") }
        for (place, host) in hosts.enumerated() {
            guard !hosts[..<place].contains(where: { $0.name == host.name }) else {
                throw DiagnosticsError(.badRequest, "the host \(host.name) is named twice")
            }
            do {
                _ = try Endpoint(host: host.address, port: 1)
            } catch {
                throw DiagnosticsError(.badRequest, "\(host.name): \(error)")
            }
        }
        self.hosts = hosts
        self.plan = plan
    }

    /// What is known of a host during the examination.
    ///
    /// `@unchecked Sendable`: one thread at a time has it, as `together` gives each patient to one.
    private final class Patient: @unchecked Sendable {
        let host: Host
        var source: (any FactsSource)?
        var identity: HostIdentity?
        var facts: HostFacts?
        var offset: ClosedRange<Double>?
        var findings: [Finding] = []
        var listening: (port: UInt16, authority: String)?
        var resolutions: [ResolutionFacts] = []
        var links: [String: LinkFacts] = [:]

        init(_ host: Host) { self.host = host }
    }

    /// Examines all hosts; whatever is wrong with them is in the report.
    /// - Parameter progress: Told what happens next, one line each.
    package func run(progress: @escaping @Sendable (String) -> Void = { _ in }) -> DoctorReport {
        let patients = hosts.map(Patient.init)
        defer { for patient in patients { patient.source?.close() } }
        progress("asking \(hosts.count) host\(hosts.count == 1 ? "" : "s")")
        Self.together(patients) { greet($0) }
        let answering = patients.filter { $0.identity != nil && $0.source != nil }
        Self.together(answering) { ask($0) }
        let examined = answering.filter { $0.facts != nil }
        var findings = patients.flatMap(\.findings)
        findings += judge(examined)
        if examined.count > 1 {
            progress("measuring \(examined.count * (examined.count - 1)) links")
            findings += between(examined)
        }
        let order = Dictionary(uniqueKeysWithValues: Check.allCases.enumerated().map { ($1, $0) })
        let sorted = findings.enumerated().sorted {
            (order[$0.element.check] ?? 0, $0.offset) < (order[$1.element.check] ?? 0, $1.offset)
        }
        return DoctorReport(findings: sorted.map(\.element))
    }

    // MARK: One host

    private func greet(_ patient: Patient) {
        let host = patient.host
        let begun = MonotonicClock.now()
        do {
            let source: any FactsSource = try host.command.map { try HostSession($0) } ?? LocalSource()
            patient.source = source
            guard case .identity(let identity) = try source.ask(.identify, within: Self.greetingTime) else {
                throw DiagnosticsError(.badAnswer, "\(host.name) does not say who it is")
            }
            if host.command != nil {
                let time = MonotonicClock.now().since(begun) / .seconds(1)
                patient.findings.append(.passed(.ssh, host.name, "answered within \(UnitText.seconds(time))"))
            }
            let build = Checks.build(
                host: host.name, identity, expected: HostGathering.identity(), digest: plan.executableDigest)
            patient.findings.append(build)
            patient.identity = identity
            patient.offset = try clockOffset(source)
        } catch let error as DiagnosticsError {
            patient.findings.append(Checks.unanswered(host: host.name, error))
            end(patient)
        } catch {
            patient.findings.append(
                Checks.unanswered(host: host.name, DiagnosticsError(.sessionEnded, "\(error)")))
            end(patient)
        }
    }

    private func end(_ patient: Patient) {
        patient.source?.close()
        patient.source = nil
    }

    /// How far a host's clock is ahead, as narrowly as a few round trips tell.
    private func clockOffset(_ source: any FactsSource) throws -> ClosedRange<Double> {
        var lower = -Double.infinity
        var upper = Double.infinity
        for _ in 0..<Self.clockRounds {
            let before = HostGathering.wallClock()
            guard case .clock(let theirs) = try source.ask(.clock, within: Self.greetingTime) else {
                throw DiagnosticsError(.badAnswer, "a host does not say what time it is")
            }
            let after = HostGathering.wallClock()
            // It read its clock after `before` and before `after`.
            lower = max(lower, Double(theirs - after) * 1e-9)
            upper = min(upper, Double(theirs - before) * 1e-9)
        }
        // A clock that is being moved may leave no offset that fits all rounds.
        return min(lower, upper)...max(lower, upper)
    }

    private func query(_ host: Host) -> FactsQuery {
        var query = FactsQuery()
        query.model = plan.model
        query.certificates = plan.certificates
        if host.isCoordinator, let settings = plan.settings {
            query.configuration = settings.canonicalText
            query.disks.append(DiskFacts(purpose: .run, path: settings.outputDirectory))
            let bind = settings.cluster.bind.contains(":") ? "[\(settings.cluster.bind)]" : settings.cluster.bind
            query.ports = ["\(bind):\(settings.cluster.port)"]
        }
        if let folder = plan.workFolder, host.slots > 0 {
            query.disks.append(DiskFacts(purpose: .work, path: folder))
        }
        return query
    }

    private func ask(_ patient: Patient) {
        guard let source = patient.source else { return }
        do {
            switch try source.ask(.facts(query(patient.host)), within: Self.factsTime) {
            case .facts(let facts): patient.facts = facts
            case .failed(let reason): throw DiagnosticsError(.badAnswer, reason)
            default: throw DiagnosticsError(.badAnswer, "\(patient.host.name) answered something else")
            }
            if let offset = patient.offset, patient.host.command != nil {
                patient.findings.append(
                    Checks.clock(host: patient.host.name, offset: offset, limit: plan.clockLimit))
            }
        } catch {
            patient.findings.append(
                Checks.unanswered(
                    host: patient.host.name,
                    error as? DiagnosticsError ?? DiagnosticsError(.sessionEnded, "\(error)")))
        }
    }

    // MARK: Judgement

    private func subjects(_ patients: [Patient]) -> [Checks.Subject] {
        patients.compactMap { patient in
            guard let identity = patient.identity, let facts = patient.facts else { return nil }
            let host = patient.host
            return Checks.Subject(
                name: host.name, address: host.address, slots: host.slots, isCoordinator: host.isCoordinator,
                identity: identity, facts: facts)
        }
    }

    private func judge(_ patients: [Patient]) -> [Finding] {
        let subjects = subjects(patients)
        let model = (subjects.first { $0.isCoordinator } ?? subjects.first)?.facts.model
        var findings: [Finding] = []
        for subject in subjects {
            let lacksModel = plan.fetchesModel && subject.facts.model?.fingerprint != model?.fingerprint
            let needs = Needs(
                plan.settings, model: model, slots: subject.slots, world: hosts.count { $0.slots > 0 },
                isCoordinator: subject.isCoordinator, fetchesModel: lacksModel)
            let facts = subject.facts
            findings.append(Checks.memory(host: subject.name, facts.memory, needed: needs.memory))
            findings += facts.disks.map {
                Checks.disk(host: subject.name, $0, needed: $0.purpose == .run ? needs.runFolder : needs.workFolder)
            }
            findings += Checks.limits(host: subject.name, facts.limits, needs: needs)
            findings += facts.ports.map { Checks.port(host: subject.name, $0) }
            findings += facts.data.map { Checks.data(host: subject.name, $0) }
            if let certificates = facts.certificates {
                findings += Checks.certificates(
                    host: subject.name, certificates, run: plan.run, hours: plan.certificateHours)
            }
            if subject.isCoordinator, facts.data.allSatisfy({ $0.problem == nil }), facts.model?.problem == nil {
                findings += runFolder(subject.name)
            }
        }
        findings += Checks.membership(subjects)
        findings += Checks.kernels(subjects, allowsMixed: plan.settings?.cluster.allowMixedKernels ?? false)
        findings += Checks.model(subjects, fetches: plan.fetchesModel)
        return findings
    }

    /// What the run folder holds; only where the coordinator is this machine, which reads its data once more for it.
    private func runFolder(_ host: String) -> [Finding] {
        guard let settings = plan.settings, hosts.first(where: { $0.name == host })?.command == nil else { return [] }
        do {
            let recorded = try RunFingerprint.recorded(in: settings.outputDirectory)
            let digest = try recorded == nil ? "" : RunFingerprint.of(settings)
            return [
                Checks.runFolder(host: host, path: settings.outputDirectory, recorded: recorded, digest: digest)
            ]
        } catch {
            return [
                .problem(
                    .data, host, "\(error)", mend: "mend what the message names, or give another output_dir")
            ]
        }
    }

    // MARK: Between hosts

    private func between(_ patients: [Patient]) -> [Finding] {
        var findings: [Finding] = []
        let subjects = Dictionary(uniqueKeysWithValues: self.subjects(patients).map { ($0.name, $0) })
        Self.together(patients) { patient in
            let others = patients.filter { $0 !== patient }.map(\.host.address)
            if case .resolutions(let found)? = try? patient.source?.ask(.resolve(hosts: others), within: .seconds(60)) {
                patient.resolutions = found
            }
        }
        for from in patients {
            for to in patients where from !== to {
                guard let own = subjects[from.host.name], let other = subjects[to.host.name] else { continue }
                var facts = ResolutionFacts(host: to.host.address)
                facts.problem = "\(from.host.name) did not look up \(to.host.address)"
                facts = from.resolutions.first { $0.host == to.host.address } ?? facts
                findings += Checks.names(from: own, to: other, facts)
            }
        }
        measure(patients)
        for from in patients {
            for to in patients where from !== to {
                let endpoint = Self.endpoint(of: to)
                var facts = LinkFacts(endpoint: endpoint)
                facts.problem = "\(from.host.name) could not measure it"
                findings.append(
                    Checks.link(
                        from: from.host.name, to: to.host.name, from.links[endpoint] ?? facts,
                        latencyLimit: plan.latencyLimit, bandwidthFloor: plan.bandwidthFloor))
            }
        }
        return findings
    }

    private static func endpoint(of patient: Patient) -> String {
        let address = patient.host.address
        return (address.contains(":") ? "[\(address)]" : address) + ":\(patient.listening?.port ?? 0)"
    }

    private func measure(_ patients: [Patient]) {
        Self.together(patients) { patient in
            let place = hosts.firstIndex { $0.name == patient.host.name } ?? 0
            // The coordinator's port is fixed where the configuration says so, and then that one is to be reached.
            let port = patient.host.isCoordinator ? UInt16(clamping: plan.settings?.cluster.port ?? 0) : 0
            let request = FactsRequest.listen(name: "host-\(place)", port: port)
            if case .listening(let port, let authority)? = try? patient.source?.ask(request, within: .seconds(30)) {
                patient.listening = (port, authority)
            }
        }
        let listening = patients.filter { $0.listening != nil }
        let authorities = listening.compactMap { $0.listening?.authority }
        Self.together(listening) { patient in
            _ = try? patient.source?.ask(.trust(authorities: authorities), within: .seconds(30))
        }
        // A tournament: in each round a host measures to one other and is measured by one, so that links do not share
        // more of the network than they have to.
        for round in 1..<max(listening.count, 2) {
            let targets = Dictionary(
                uniqueKeysWithValues: listening.indices.map {
                    (listening[$0].host.name, Self.endpoint(of: listening[($0 + round) % listening.count]))
                })
            Self.together(listening) { patient in
                guard let endpoint = targets[patient.host.name] else { return }
                let request = FactsRequest.measure(endpoints: [endpoint], seconds: Self.measureTime)
                let limit = Duration.seconds(Self.measureTime + 15)
                if case .links(let links)? = try? patient.source?.ask(request, within: limit) {
                    for link in links { patient.links[link.endpoint] = link }
                }
            }
        }
    }

    /// Does something for all patients at the same time, at most 64 at once, and waits for the last.
    private static func together(_ patients: [Patient], _ body: @escaping @Sendable (Patient) -> Void) {
        let next = Counter()
        let threads = (0..<min(patients.count, 64)).map { _ in
            JoinableThread(name: "doctor") {
                while let patient = next.take(from: patients) { body(patient) }
            }
        }
        for thread in threads { thread.join() }
    }

    /// Hands out each patient once.
    private final class Counter: Sendable {
        private let next = Mutex(0)

        func take(from patients: [Patient]) -> Patient? {
            next.withLock { next in
                guard next < patients.count else { return nil }
                next += 1
                return patients[next - 1]
            }
        }
    }
}
