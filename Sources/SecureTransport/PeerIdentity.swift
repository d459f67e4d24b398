//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// Who a process is, as its certificate says: a role and a name, within one run or not.
///
/// Written into the certificate as a URI among the subject's alternative names (RFC 5280, 4.2.1.6):
///
///     uri  = "loradrop://" [ run ] "/" role "/" name
///     role = "coordinator" / "worker"
///     run  = name
///     name = 1*63 of letters, digits, "-", "_", "."; the first a letter or a digit; of a worker not "all" nor
///            "coordinator"
///
/// `loradrop://cola-1/worker/w3` is worker w3 of the run cola-1; `loradrop:///coordinator/main` is the coordinator of
/// whichever run uses that certificate authority. All parts are compared byte by byte. A certificate carries exactly
/// one such URI; IP addresses and DNS names beside it are for people and other tools and prove nothing to us.
package struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
    /// What a process may do in a run.
    package enum Role: String, Hashable, Sendable, CaseIterable {
        case coordinator
        case worker
    }

    package let role: Role
    package let name: String
    /// nil: the certificate authority serves more than one run.
    package let run: String?

    /// - Throws: `.badIdentity` where name or run breaks the grammar.
    package init(role: Role, name: String, run: String? = nil) throws {
        try PeerIdentity.check(name, is: "name of a \(role.rawValue)")
        if let run { try PeerIdentity.check(run, is: "name of a run") }
        if role == .worker, PeerIdentity.reservedWorkerNames.contains(name) {
            throw TransportError(
                .badIdentity, "\"\(name)\" is no name of a worker: it is kept for the run's own log files; take another"
            )
        }
        self.role = role
        self.name = name
        self.run = run
    }

    /// Parses what `uri` writes.
    /// - Throws: `.badIdentity`, with what is wrong.
    package init(uri: String) throws {
        guard uri.hasPrefix(PeerIdentity.scheme) else {
            throw TransportError(.badIdentity, "\"\(uri)\" is no identity: expected loradrop://RUN/worker/NAME")
        }
        let parts = uri.dropFirst(PeerIdentity.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let role = Role(rawValue: String(parts[1])) else {
            throw TransportError(
                .badIdentity,
                "\"\(uri)\" is no identity: expected loradrop://RUN/worker/NAME or loradrop://RUN/coordinator/NAME")
        }
        try self.init(role: role, name: String(parts[2]), run: parts[0].isEmpty ? nil : String(parts[0]))
    }

    /// Names that the files of a run give to others than its workers.
    static let reservedWorkerNames: Set<String> = ["all", "coordinator"]

    static let scheme = "loradrop://"

    /// The form in the certificate.
    package var uri: String {
        "\(PeerIdentity.scheme)\(run ?? "")/\(role.rawValue)/\(name)"
    }

    /// For people: `worker "w3" of run "cola-1"`.
    package var description: String {
        "\(role.rawValue) \"\(name)\"" + (run.map { " of run \"\($0)\"" } ?? "")
    }

    /// Checks a name against the grammar above.
    /// - Throws: `.badIdentity`.
    static func check(_ text: String, is what: String) throws {
        let bytes = text.utf8
        let isSound =
            (1...63).contains(bytes.count) && bytes.first?.isASCIILetterOrDigit == true
            && bytes.allSatisfy { $0.isASCIILetterOrDigit || Array("-_.".utf8).contains($0) }
        guard isSound else {
            // Only a part is shown: the text may be a peer's.
            throw TransportError(
                .badIdentity,
                "\"\(text.prefix(80))\" is no \(what): expected 1 to 63 letters, digits, \"-\", \"_\" or \".\", "
                    + "beginning with a letter or a digit")
        }
    }
}

/// Whom one end of a connection accepts at the other end, and how an error names it.
package struct PeerExpectation: Sendable, CustomStringConvertible {
    package let description: String
    private let refusal: @Sendable (PeerIdentity) -> String?

    /// - Parameter description: Whom is expected, for the error: `worker "w3" of run "cola-1"`.
    /// - Parameter refusal: nil to accept, or why the identity is refused, for instance "it has joined already". Called
    ///   once per handshake, on the thread that drives it, after the certificate itself was found valid.
    package init(_ description: String, refusal: @escaping @Sendable (PeerIdentity) -> String?) {
        self.description = description
        self.refusal = refusal
    }

    /// Exactly this identity: run, role and name.
    package static func exactly(_ identity: PeerIdentity) -> PeerExpectation {
        PeerExpectation("\(identity)") { found in
            if found.run != identity.run { return "it belongs to another run" }
            if found.role != identity.role { return "it has another role" }
            return found.name == identity.name ? nil : "it has another name"
        }
    }

    /// Anybody of a role in a run; nil means a certificate that is bound to no run.
    package static func any(_ role: PeerIdentity.Role, ofRun run: String?) -> PeerExpectation {
        PeerExpectation("a \(role.rawValue)" + (run.map { " of run \"\($0)\"" } ?? "")) { found in
            if found.run != run { return "it belongs to another run" }
            return found.role == role ? nil : "it has another role"
        }
    }

    /// Any of a roster's identities.
    package static func oneOf(_ identities: Set<PeerIdentity>) -> PeerExpectation {
        PeerExpectation("one of \(identities.map(\.description).sorted().joined(separator: ", "))") { found in
            identities.contains(found) ? nil : "it is not in the roster"
        }
    }

    /// Why `identity` is refused; nil where it is accepted.
    package func refusal(of identity: PeerIdentity) -> String? {
        refusal(identity)
    }
}
