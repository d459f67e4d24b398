//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import SecureTransport

/// Makes and shows the certificates with which coordinator and workers know each other.
struct CertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs",
        abstract: "Make and show the certificates of a run.",
        discussion: """
            A folder holds the certificate authority (ca.pem, ca.key) and for each peer NAME.pem and NAME.key. Copy \
            ca.pem and a peer's own two files to its machine; leave ca.key where it is. Only the renewals overwrite.

            loradrop certs init --run cola-1
            loradrop certs issue --role coordinator main
            loradrop certs issue --role worker w1 w2 w3

            Processes take up new files by themselves: certs renew w1, and w1 goes on with the new pair at its next \
            connection. For a new authority: certs renew-authority, copy ca.pem to everybody, certs renew every member, \
            copy their pairs, certs retire-authorities, copy ca.pem again.

            A key need not travel: `request` makes it where it is used, `sign` certifies it where the authority is, \
            `accept` puts the certificate beside the key.

            there: loradrop certs request w4 > w4.csr
            here:  loradrop certs sign --role worker w4 < w4.csr > w4.bundle
            there: loradrop certs accept w4 < w4.bundle
            """,
        subcommands: [
            Initialize.self, Issue.self, Request.self, Sign.self, Accept.self, Renew.self, RenewAuthority.self,
            RetireAuthorities.self, Status.self,
        ])

    /// The folder that all of them work on.
    struct Folder: ParsableArguments {
        @Option(name: .customLong("dir"), help: "The folder with the certificates.")
        var path = "certs"

        var certificates: CertificateFolder { CertificateFolder(path) }
    }

    /// `loradrop certs init`.
    struct Initialize: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init", abstract: "Make a certificate authority in a folder that has none.")

        @OptionGroup var folder: Folder

        @Option(
            name: .customLong("run"),
            help: "The run that it is for; members of another run are refused. Without it, it serves many runs.")
        var runName: String?

        @Option(help: "How many hours it is valid.")
        var hours = 365 * 24

        func validate() throws {
            try CertsCommand.check(hours)
        }

        func run() throws {
            let authority = try folder.certificates.makeAuthority(run: runName, validForHours: hours)
            let until = CalendarTime.text(authority.summary.notAfter)
            print("made \(folder.certificates.authorityFile), valid until \(until)")
            print("keep \(folder.certificates.authorityKeyFile) on this machine: its holder can be anybody in the run")
        }
    }

    /// `loradrop certs issue`.
    struct Issue: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "issue", abstract: "Make a key and a certificate for each of some peers.")

        @OptionGroup var folder: Folder

        @Option(help: "What the peers are: coordinator or worker.")
        var role: PeerIdentity.Role

        @Option(name: .customLong("run"), help: "The run they belong to. Default: the authority's.")
        var runName: String?

        @Option(
            name: .customLong("address"), parsing: .upToNextOption,
            help: "IP addresses and host names to note in the certificate; nothing is checked against them.")
        var addresses: [String] = []

        @Option(help: "How many hours they are valid, though never beyond their authority.")
        var hours = 30 * 24

        @Argument(help: "The peers' names.")
        var names: [String]

        func validate() throws {
            try CertsCommand.check(hours)
        }

        func run() throws {
            let certificates = folder.certificates
            let authorityRun = try certificates.authority().run
            // All names are looked at before the first file is written.
            let identities = try names.map { try PeerIdentity(role: role, name: $0, run: runName ?? authorityRun) }
            for identity in identities {
                let issued = try certificates.issue(to: identity, addresses: addresses, validForHours: hours)
                let until = CalendarTime.text(issued.summary.notAfter)
                print("made \(certificates.certificateFile(of: identity.name)): \(identity), valid until \(until)")
            }
        }
    }

    /// `loradrop certs renew`.
    struct Renew: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "renew", abstract: "Make new keys and certificates in place of those of some peers.")

        @OptionGroup var folder: Folder

        @Option(help: "How many hours they are valid, though never beyond their authority.")
        var hours = 30 * 24

        @Argument(help: "The peers' names.")
        var names: [String]

        func validate() throws {
            try CertsCommand.check(hours)
        }

        func run() throws {
            let certificates = folder.certificates
            // All names are looked at before the first file is written.
            let identities = try names.map { name in
                let file = certificates.certificateFile(of: name)
                let summary = try CertificateSummary(readingFrom: file)
                guard let identity = summary.identity, identity.name == name else {
                    throw TransportError(.badIdentity, "\(file) is not the certificate of a peer named \(name)")
                }
                return (identity, summary.addresses)
            }
            for (identity, addresses) in identities {
                let issued = try certificates.renew(identity, addresses: addresses, validForHours: hours)
                let until = CalendarTime.text(issued.summary.notAfter)
                print("renewed \(certificates.certificateFile(of: identity.name)): \(identity), valid until \(until)")
            }
        }
    }

    /// `loradrop certs renew-authority`.
    struct RenewAuthority: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "renew-authority",
            abstract: "Make a new certificate authority in place of the one here; ca.pem trusts both from then on.")

        @OptionGroup var folder: Folder

        @Option(help: "How many hours it is valid.")
        var hours = 365 * 24

        func validate() throws {
            try CertsCommand.check(hours)
        }

        func run() throws {
            let authority = try folder.certificates.renewAuthority(validForHours: hours)
            let until = CalendarTime.text(authority.summary.notAfter)
            print("renewed \(folder.certificates.authorityFile), valid until \(until)")
            print("copy it to every member, then renew the members, then loradrop certs retire-authorities")
        }
    }

    /// `loradrop certs retire-authorities`.
    struct RetireAuthorities: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retire-authorities", abstract: "Trust the newest certificate authority only.")

        @OptionGroup var folder: Folder

        func run() throws {
            try folder.certificates.retireOldAuthorities()
            print("\(folder.certificates.authorityFile) trusts one authority; copy it to every member")
        }
    }

    /// `loradrop certs status`.
    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status",
            abstract: "Show who has which certificate and whether a peer would accept it.",
            discussion: "Exit code 1 where one would be refused.")

        @OptionGroup var folder: Folder

        func run() throws {
            let now = CalendarTime.now()
            var problemCount = 0
            for (file, summary) in try folder.certificates.summaries() {
                let who = summary.identity.map { "\($0)" } ?? (summary.isAuthority ? "authority" : "no identity")
                print("\(file)  \(who)")
                print("  subject      \(summary.subject)")
                if !summary.addresses.isEmpty { print("  addresses    \(summary.addresses.joined(separator: ", "))") }
                print(
                    "  valid        \(CalendarTime.text(summary.notBefore)) to \(CalendarTime.text(summary.notAfter))")
                print("  fingerprint  sha256 \(summary.fingerprint)")
                if let problem = problem(of: summary, file: file, at: now) {
                    problemCount += 1
                    print("  problem      \(problem)")
                } else {
                    print("  sound        for \((summary.notAfter - now) / 3600) more hours")
                }
            }
            if problemCount > 0 { throw ExitCode(1) }
        }

        /// Why a peer would refuse the certificate; nil where none would.
        private func problem(of summary: CertificateSummary, file: String, at time: Int64) -> String? {
            if summary.isAuthority {
                return summary.isValid(at: time) ? nil : "outside its validity: make a new authority in a new folder"
            }
            do {
                _ = try folder.certificates.credentials(of: String(file.dropLast(".pem".count)))
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    /// Hours from one to a century: beyond, X.509's dates change their form.
    static func check(_ hours: Int) throws {
        guard (1...876_000).contains(hours) else {
            throw ValidationError("--hours \(hours): expected 1 to 876000")
        }
    }
}

extension PeerIdentity.Role: ExpressibleByArgument {}
