//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Diagnostics
import JSONText
import RunConfiguration
import Tensors
import Testing

/// Every check is fed a good sample, which passes, and a bad one, which is a problem with a way to mend it.
@Suite struct ChecksTests {
    private static let machine = HostIdentity(
        build: "loradrop 1", executableDigest: "aaaa", hostName: "one", networkIdentity: "boot-1 net-1",
        platform: "Linux x86_64")

    private func subject(
        _ name: String, isCoordinator: Bool = false, network: String? = nil,
        _ change: (inout HostFacts) -> Void = { _ in }
    ) -> Checks.Subject {
        var identity = Self.machine
        identity.networkIdentity = network ?? "boot-\(name)"
        var facts = HostFacts()
        facts.kernels.probes = ["p", "p"]
        facts.kernels.modelProbe = "m"
        facts.addresses = ["127.0.0.1", "10.0.0.\(name.utf8.count)"]
        var model = ModelFacts(path: "/models/x")
        model.exists = true
        model.fingerprint = "f"
        facts.model = model
        change(&facts)
        return Checks.Subject(
            name: name, address: name, slots: 1, isCoordinator: isCoordinator, identity: identity, facts: facts)
    }

    private func expectProblem(
        _ finding: Finding?, _ check: Check, saying words: String..., at location: SourceLocation = #_sourceLocation
    ) {
        guard let finding else {
            Issue.record("there is no finding", sourceLocation: location)
            return
        }
        #expect(finding.isProblem && finding.check == check, "\(finding)", sourceLocation: location)
        #expect(finding.mend?.isEmpty == false, sourceLocation: location)
        for word in words { #expect(finding.detail.contains(word), "\(finding)", sourceLocation: location) }
    }

    @Test("A host that ssh cannot reach, one without the program, one that answers nonsense")
    func unanswered() {
        expectProblem(
            Checks.unanswered(host: "a", DiagnosticsError(.sessionEnded, "no route", status: 255)), .ssh,
            saying: "no route")
        expectProblem(Checks.unanswered(host: "a", DiagnosticsError(.noAnswer, "silence")), .ssh, saying: "silence")
        expectProblem(
            Checks.unanswered(host: "a", DiagnosticsError(.sessionEnded, "not found", status: 127)), .build,
            saying: "not found")
        expectProblem(Checks.unanswered(host: "a", DiagnosticsError(.badAnswer, "what?")), .build, saying: "what?")
    }

    @Test("Another version, and another build of the same version")
    func build() {
        let expected = Self.machine
        #expect(!Checks.build(host: "a", expected, expected: expected, digest: nil).isProblem)
        var other = expected
        other.build = "loradrop 2"
        expectProblem(
            Checks.build(host: "a", other, expected: expected, digest: nil), .build, saying: "loradrop 2", "loradrop 1")
        other = expected
        other.executableDigest = "bbbb"
        expectProblem(Checks.build(host: "a", other, expected: expected, digest: nil), .build, saying: "bbbb", "aaaa")
        #expect(!Checks.build(host: "a", other, expected: expected, digest: "bbbb").isProblem)
    }

    @Test("A clock is at fault only where it is for certain", arguments: [-1.0, 1.0])
    func clock(sign: Double) {
        func finding(_ low: Double, _ high: Double) -> Finding {
            Checks.clock(host: "a", offset: min(sign * low, sign * high)...max(sign * low, sign * high), limit: 2)
        }
        #expect(!finding(-0.1, 0.1).isProblem)
        #expect(!finding(1.9, 2.5).isProblem)
        expectProblem(finding(2.1, 2.5), .clock, saying: sign < 0 ? "behind" : "ahead of", "2.3 s")
        expectProblem(finding(300, 301), .clock)
    }

    @Test("A name that is loopback elsewhere, another machine's address, no address, and no route")
    func names() {
        let one = subject("one")
        let three = subject("three")
        func findings(_ addresses: [String], source: String? = "10.0.0.3", problem: String? = nil) -> [Finding] {
            var facts = ResolutionFacts(host: "three")
            facts.addresses = addresses
            facts.source = source
            facts.problem = problem
            return Checks.names(from: one, to: three, facts)
        }
        #expect(findings(["10.0.0.5"]).map(\.isProblem) == [false, false])
        for loopback in ["127.0.1.1", "127.0.0.1", "::1"] {
            expectProblem(findings([loopback]).first, .names, saying: loopback, "one itself")
        }
        expectProblem(findings(["10.9.9.9"]).first, .names, saying: "10.9.9.9", "10.0.0.5")
        expectProblem(findings([], problem: "no such name").first, .names, saying: "no such name")
        expectProblem(findings(["10.0.0.5"], source: nil).last, .routes, saying: "no route")
        expectProblem(findings(["10.0.0.5"], source: "127.0.0.1").last, .routes, saying: "127.0.0.1")
        let twin = subject("twin", network: "boot-one")
        var facts = ResolutionFacts(host: "twin")
        facts.addresses = ["127.0.0.1"]
        facts.source = "127.0.0.1"
        #expect(
            Checks.names(from: one, to: twin, facts).allSatisfy { !$0.isProblem }, "on one machine loopback is right")
    }

    @Test("A port that is taken")
    func port() {
        #expect(!Checks.port(host: "a", PortFacts(endpoint: "0.0.0.0:1", problem: nil)).isProblem)
        expectProblem(
            Checks.port(host: "a", PortFacts(endpoint: "0.0.0.0:1", problem: "port 1 is in use")), .ports,
            saying: "in use")
    }

    @Test("A link that is down, slow, or narrow")
    func link() {
        func finding(_ latency: Double?, _ bandwidth: Double?, _ problem: String? = nil) -> Finding {
            var facts = LinkFacts(endpoint: "three:1")
            facts.latency = latency
            facts.bandwidth = bandwidth
            facts.problem = problem
            return Checks.link(from: "one", to: "three", facts, latencyLimit: 0.05, bandwidthFloor: 1e6)
        }
        #expect(!finding(0.001, 1e8).isProblem)
        expectProblem(finding(0.06, 1e8), .links, saying: "60 ms")
        expectProblem(finding(0.001, 9e5), .links, saying: "7.20 Mbit/s")
        expectProblem(finding(nil, nil, "cannot connect"), .links, saying: "cannot connect")
        expectProblem(finding(nil, nil), .links, saying: "not measured")
    }

    @Test("Certificates: an unusable folder, one refused, nobody's, another run's, one that ends soon, two authorities")
    func certificates() {
        var facts = CertificateFacts(folder: "certs", now: 1_000_000)
        facts.authority = "ca"
        var member = CertificateFacts.Member(
            file: "w1.pem", role: "worker", name: "w1", run: "r", notAfter: 1_000_000 + 100 * 3600, hasKey: true,
            problem: nil)
        func findings(_ change: (inout CertificateFacts.Member) -> Void = { _ in }) -> [Finding] {
            var changed = facts
            var other = member
            change(&other)
            changed.members = [other]
            return Checks.certificates(host: "a", changed, run: "r", hours: 24)
        }
        #expect(findings().map(\.isProblem) == [false])
        expectProblem(findings { $0.problem = "mode 0644" }.first, .certificates, saying: "mode 0644")
        expectProblem(findings { $0.role = nil }.first, .certificates, saying: "nobody")
        expectProblem(findings { $0.run = "s" }.first, .certificates, saying: "the run s", "the run r")
        expectProblem(findings { $0.run = nil }.first, .certificates, saying: "no run")
        expectProblem(findings { $0.notAfter = 1_000_000 + 23 * 3600 }.first, .certificates, saying: "23 more hours")
        facts.problem = "there is no ca.pem"
        expectProblem(findings().first, .certificates, saying: "no ca.pem")
        member.name = "w2"

        let here = subject("here") { $0.certificates = CertificateFacts(folder: "certs", now: 0) }
        func holding(_ authority: String) -> Checks.Subject {
            var holder = here
            holder.facts.certificates?.authority = authority
            return holder
        }
        #expect(Checks.membership([holding("x"), holding("x")]).isEmpty)
        expectProblem(Checks.membership([holding("x"), holding("y")]).first, .certificates, saying: "another one")
    }

    @Test("Processors that compute other bits, and one that does not agree with itself")
    func kernels() {
        let one = subject("one", isCoordinator: true)
        #expect(Checks.kernels([one, subject("two")], allowsMixed: false).allSatisfy { !$0.isProblem })
        let other = subject("three") { $0.kernels.probes = ["q", "q"] }
        expectProblem(Checks.kernels([one, other], allowsMixed: false).last, .kernels, saying: "other bits than one")
        #expect(Checks.kernels([one, other], allowsMixed: true).allSatisfy { !$0.isProblem })
        let shapes = subject("four") { $0.kernels.modelProbe = "n" }
        expectProblem(Checks.kernels([one, shapes], allowsMixed: false).last, .kernels)
        let lacking = subject("five") { $0.kernels.modelProbe = nil }
        #expect(Checks.kernels([one, lacking], allowsMixed: false).allSatisfy { !$0.isProblem })
        let broken = subject("six") { $0.kernels.probes = ["p", "q"] }
        expectProblem(Checks.kernels([broken], allowsMixed: true).first, .kernels, saying: "each time")
    }

    @Test("Memory below what is needed, and a control group that takes it away")
    func memory() {
        var facts = MemoryFacts()
        facts.total = 8 << 30
        facts.available = 2 << 30
        #expect(!Checks.memory(host: "a", facts, needed: 1 << 30).isProblem)
        expectProblem(Checks.memory(host: "a", facts, needed: 3 << 30), .memory, saying: "2.0 GiB", "3.0 GiB")
        facts.groupAvailable = 1 << 29
        expectProblem(Checks.memory(host: "a", facts, needed: 1 << 30), .memory, saying: "512 MiB", "control group")
    }

    @Test("A disk that is full, and a folder that cannot be written to")
    func disk() {
        var facts = DiskFacts(purpose: .run, path: "/runs")
        facts.freeBytes = 1 << 30
        #expect(!Checks.disk(host: "a", facts, needed: 1 << 29).isProblem)
        expectProblem(Checks.disk(host: "a", facts, needed: 1 << 31), .disk, saying: "1.0 GiB free", "2.0 GiB")
        facts.problem = "Read-only file system"
        expectProblem(Checks.disk(host: "a", facts, needed: 0), .disk, saying: "Read-only")
    }

    @Test("Each limit that is too low")
    func limits() {
        let needs = Needs(nil, model: nil, slots: 2, world: 4, isCoordinator: true, fetchesModel: false)
        #expect(Checks.limits(host: "a", LimitFacts(), needs: needs).allSatisfy { !$0.isProblem })
        let changes: [(String, (inout LimitFacts) -> Void)] = [
            ("open files", { $0.openFiles = 64 }), ("processes", { $0.processes = 8 }),
            ("address space", { $0.addressSpace = 1 << 28 }), ("data segment", { $0.dataSegment = 1 << 20 }),
            ("file size", { $0.fileSize = 1 << 20 }),
        ]
        for (name, change) in changes {
            var facts = LimitFacts()
            change(&facts)
            let findings = Checks.limits(host: "a", facts, needs: needs)
            #expect(findings.count == 1)
            expectProblem(findings.first, .limits, saying: name)
        }
    }

    @Test("Another model, none, and one that will be fetched")
    func model() {
        let here = subject("here", isCoordinator: true)
        let other = subject("there") { $0.model?.fingerprint = "g" }
        let missing = subject("nowhere") {
            $0.model?.fingerprint = nil
            $0.model?.problem = "there is no config.json"
        }
        #expect(Checks.model([here, subject("twin")], fetches: false).allSatisfy { !$0.isProblem })
        expectProblem(Checks.model([other, here], fetches: false).first, .model, saying: "expected those of here")
        expectProblem(Checks.model([here, missing], fetches: false).last, .model, saying: "no config.json")
        #expect(Checks.model([here, other, missing], fetches: true).allSatisfy { !$0.isProblem })
        let headless = subject("head", isCoordinator: true) { $0.model?.problem = "broken" }
        expectProblem(Checks.model([headless], fetches: true).first, .model, saying: "broken")
    }

    @Test("Data that cannot be read, and a folder that holds another run")
    func data() {
        var facts = DataFacts(purpose: "training", path: "train.tsv")
        facts.rowCount = 5
        #expect(!Checks.data(host: "a", facts).isProblem)
        facts.problem = "train.tsv:3: two columns"
        expectProblem(Checks.data(host: "a", facts), .data, saying: "train.tsv:3")
        for recorded in [nil, "aa"] {
            #expect(!Checks.runFolder(host: "a", path: "out", recorded: recorded, digest: "aa").isProblem)
        }
        expectProblem(Checks.runFolder(host: "a", path: "out", recorded: "bb", digest: "aa"), .data, saying: "bb", "aa")
    }

    @Test("What is needed grows with slots, sequence length and the model")
    func needs() {
        var model = ModelFacts(path: "m")
        model.byteCount = 90 << 20
        (model.layerCount, model.hiddenSize, model.intermediateSize, model.headCount) = (6, 384, 1536, 12)
        func needs(slots: Int, fetches: Bool = false, settings: RunSettings? = nil) -> Needs {
            Needs(settings, model: model, slots: slots, world: 2, isCoordinator: false, fetchesModel: fetches)
        }
        #expect(needs(slots: 1).memory > model.byteCount)
        #expect(needs(slots: 8).memory > needs(slots: 1).memory)
        #expect(needs(slots: 1).memory < 1 << 30)
        var keeping = RunSettings()
        keeping.training.keepSplitWeights = true
        // Nothing is split at the highest precision.
        #expect(needs(slots: 1, settings: keeping).memory == needs(slots: 1).memory)
        keeping.training.matmulPrecision = .high
        #expect(needs(slots: 1, settings: keeping).memory == needs(slots: 1).memory + 2 * model.byteCount)
        #expect(needs(slots: 1, fetches: true).workFolder - needs(slots: 1).workFolder == model.byteCount)
    }

    @Test("The report counts, names the way to mend, and says the same in JSON")
    func report() {
        let report = DoctorReport(findings: [
            .passed(.build, "a", "fine"), .problem(.clock, "b", "late", mend: "set it"),
        ])
        #expect(!report.hasPassed && report.problemCount == 1)
        #expect(report.text.contains("mend: set it") && report.text.hasSuffix("1 passed, 1 problem\n"))
        #expect(report.json["passed"]?.boolean == false)
        #expect(report.json["checks"]?.array?[1]["status"]?.string == "problem")
        #expect(report.json["checks"]?.array?[1]["mend"]?.string == "set it")
        #expect(DoctorReport(findings: []).hasPassed)
    }
}
