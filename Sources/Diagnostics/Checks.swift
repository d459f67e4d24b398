//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// The checks that need no host at hand: facts in, findings out.
package enum Checks {
    /// A host as the checks know it.
    package struct Subject: Sendable {
        /// Its name in the report: the hostfile's, or "this machine".
        package var name: String
        /// The name or address that others reach it by.
        package var address: String
        /// Shards that its worker computes at a time; 0 where it has no worker.
        package var slots: Int
        package var isCoordinator: Bool
        package var identity: HostIdentity
        package var facts: HostFacts

        package init(
            name: String, address: String, slots: Int, isCoordinator: Bool, identity: HostIdentity, facts: HostFacts
        ) {
            self.name = name
            self.address = address
            self.slots = slots
            self.isCoordinator = isCoordinator
            self.identity = identity
            self.facts = facts
        }
    }

    // MARK: Reaching a host

    /// A host that gave no answer, or none that can be understood.
    package static func unanswered(host: String, _ error: DiagnosticsError) -> Finding {
        let install =
            "install the same release on \(host) (deploy/package.sh; loradrop launch does it by itself), or say "
            + "where it is"
        switch (error.code, error.status) {
        // sh(1): 127 for a command that is not found, 126 for one that cannot be run.
        case (.sessionEnded, 127), (.sessionEnded, 126):
            return .problem(.build, host, "loradrop cannot be run there: \(error)", mend: install)
        case (.badAnswer, _):
            return .problem(.build, host, "\(error)", mend: install)
        default:
            return .problem(
                .ssh, host, "\(error)",
                mend: "ssh has to reach \(host) without a question: look at its name, sshd, port, key and known_hosts "
                    + "(ssh -o BatchMode=yes \(host) true)")
        }
    }

    // MARK: Builds and processors

    /// Whether a host has the build that the doctor has.
    package static func build(
        host: String, _ identity: HostIdentity, expected: HostIdentity, digest: String?
    ) -> Finding {
        let mend = "install the same release on \(host) (deploy/package.sh; loradrop launch does it by itself)"
        if identity.build != expected.build {
            return .problem(.build, host, "\(identity.build), expected \(expected.build)", mend: mend)
        }
        let digest = digest ?? expected.executableDigest
        if identity.executableDigest != digest {
            return .problem(
                .build, host,
                "\(identity.build) with the sum \(identity.executableDigest.prefix(12)), expected \(digest.prefix(12)): "
                    + "another build of the same version", mend: mend)
        }
        return .passed(.build, host, "\(identity.build), sum \(digest.prefix(12)), \(identity.platform)")
    }

    /// Whether all processors compute the same bits: each is held against the first, and against itself.
    package static func kernels(_ subjects: [Subject], allowsMixed: Bool) -> [Finding] {
        guard let first = subjects.first else { return [] }
        return subjects.map { subject in
            let own = subject.facts.kernels
            let expected = first.facts.kernels
            if Set(own.probes).count != 1 {
                return .problem(
                    .kernels, subject.name, "the numeric probe gives other bits each time (\(own.description))",
                    mend: "the processor or its memory is broken, or it is clocked too high: leave \(subject.name) out")
            }
            let isSame =
                own.probes == expected.probes
                && (own.modelProbe == nil || expected.modelProbe == nil || own.modelProbe == expected.modelProbe)
            if isSame || allowsMixed {
                return .passed(
                    .kernels, subject.name,
                    (isSame ? "" : "other bits than \(first.name), which is allowed: ")
                        + own.description)
            }
            return .problem(
                .kernels, subject.name,
                "other bits than \(first.name): here \(own.description); there \(expected.description)",
                mend:
                    "run the same build on processors that all have AVX2, or give up exactness with "
                    + "cluster.allow_mixed_kernels")
        }
    }

    // MARK: Model

    /// Whether every host has the coordinator's model.
    package static func model(_ subjects: [Subject], fetches: Bool) -> [Finding] {
        let expected =
            subjects.first { $0.isCoordinator && $0.facts.model?.fingerprint != nil }
            ?? subjects.first { $0.facts.model?.fingerprint != nil }
        return subjects.compactMap { subject in
            guard let facts = subject.facts.model else { return nil }
            let mend = "copy the model there: rsync -a \(facts.path)/ \(subject.address):\(facts.path)/"
            let canFetch = fetches && !subject.isCoordinator
            if let problem = facts.problem {
                if canFetch {
                    return .passed(.model, subject.name, "\(problem): it will be fetched")
                }
                return .problem(.model, subject.name, problem, mend: mend)
            }
            let found = "\(facts.path), weights \(facts.fingerprint?.prefix(12) ?? "unknown")"
            if let expected, facts.fingerprint != expected.facts.model?.fingerprint {
                if canFetch {
                    return .passed(.model, subject.name, "\(found) is another model: it will be fetched")
                }
                return .problem(
                    .model, subject.name,
                    "\(found), expected those of \(expected.name), "
                        + "\(expected.facts.model?.fingerprint?.prefix(12) ?? "unknown")", mend: mend)
            }
            return .passed(.model, subject.name, found)
        }
    }

    /// Whether the run in the run folder, if there is one, is of this data, model and configuration.
    /// - Parameters:
    ///   - recorded: What the folder says; nil where it holds no run.
    ///   - digest: What this run would write there.
    package static func runFolder(host: String, path: String, recorded: String?, digest: String) -> Finding {
        guard let recorded, recorded != digest else {
            return .passed(
                .data, host,
                "run folder \(path): \(recorded == nil ? "holds no run yet" : "holds this run, to go on with")")
        }
        return .problem(
            .data, host,
            "run folder \(path): holds a run of other data, another model or another configuration "
                + "(\(recorded.prefix(12)), this one is \(digest.prefix(12)))",
            mend: "give another output_dir, or compare with \(path)/config.yaml what was changed")
    }

    // MARK: Between hosts

    /// Whether a host finds another one under its address, and by which route.
    package static func names(from: Subject, to: Subject, _ facts: ResolutionFacts) -> [Finding] {
        let pair = "\(from.name) → \(to.name)"
        let mend = "mend /etc/hosts or DNS on \(from.name), or give the numeric address of \(to.name)"
        if let problem = facts.problem {
            return [.problem(.names, pair, problem, mend: mend)]
        }
        let sharesLoopback = from.identity.networkIdentity == to.identity.networkIdentity
        let shown = "\(facts.host) is \(facts.addresses.joined(separator: ", "))"
        if !sharesLoopback, let loopback = facts.addresses.first(where: LocalAddressText.isLoopback) {
            return [
                .problem(
                    .names, pair,
                    "\(shown): \(loopback) is \(from.name) itself, not \(to.name)",
                    mend: mend + "; a line \"127.0.1.1 \(facts.host)\" in /etc/hosts is the usual cause")
            ]
        }
        if !sharesLoopback, !facts.addresses.contains(where: to.facts.addresses.contains) {
            return [
                .problem(
                    .names, pair,
                    "\(shown), but \(to.name) has the addresses \(to.facts.addresses.joined(separator: ", "))",
                    mend: mend + "; behind address translation workers cannot be reached")
            ]
        }
        let name = Finding.passed(.names, pair, shown)
        guard let source = facts.source else {
            return [
                name,
                .problem(
                    .routes, pair, "no route to \(facts.host)",
                    mend: "add a route on \(from.name) (ip route get shows what it does now)"),
            ]
        }
        if !sharesLoopback, LocalAddressText.isLoopback(source) {
            return [
                name,
                .problem(
                    .routes, pair, "packets would leave by \(source), which nobody else can answer",
                    mend: "add a route on \(from.name), or give another address of \(to.name)"),
            ]
        }
        return [name, .passed(.routes, pair, "by \(source)")]
    }

    /// Whether a link is up, quick and wide enough.
    package static func link(
        from: String, to: String, _ facts: LinkFacts, latencyLimit: Double, bandwidthFloor: Double
    ) -> Finding {
        let pair = "\(from) → \(to)"
        guard let latency = facts.latency, let bandwidth = facts.bandwidth, facts.problem == nil else {
            return .problem(
                .links, pair, facts.problem ?? "\(facts.endpoint) was not measured",
                mend: "let \(from) reach every port of \(to) that the run listens on (iptables -L, nft list ruleset, "
                    + "firewall-cmd --list-all on \(to)), and give fixed ports where only some are open")
        }
        let found = "\(UnitText.seconds(latency)), \(UnitText.bandwidth(bandwidth))"
        if latency > latencyLimit {
            return .problem(
                .links, pair, "\(found); expected a round trip within \(UnitText.seconds(latencyLimit))",
                mend: "take hosts nearer to each other, or larger batches, so that steps outlast the exchange")
        }
        if bandwidth < bandwidthFloor {
            return .problem(
                .links, pair, "\(found); expected at least \(UnitText.bandwidth(bandwidthFloor))",
                mend: "look at cable, switch port and other traffic (ethtool, ip -s link), or take a lower lora.rank")
        }
        return .passed(.links, pair, found)
    }

    /// Whether the certificates of all hosts are of one authority.
    package static func membership(_ subjects: [Subject]) -> [Finding] {
        let known = subjects.filter { $0.facts.certificates?.authority != nil }
        guard let first = known.first else { return [] }
        var findings: [Finding] = []
        for subject in known.dropFirst()
        where subject.facts.certificates?.authority != first.facts.certificates?.authority {
            findings.append(
                .problem(
                    .certificates, subject.name, "its authority is another one than that of \(first.name)",
                    mend:
                        "issue all certificates from one folder (loradrop certs issue) and copy its ca.pem to every host"
                ))
        }
        return findings
    }
}

/// Addresses as texts.
enum LocalAddressText {
    static func isLoopback(_ host: String) -> Bool {
        host.hasPrefix("127.") || host == "::1" || host == "0.0.0.0" || host == "::"
    }
}
