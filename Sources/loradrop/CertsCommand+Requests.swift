//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Foundation
import SecureTransport

/// Certificates for keys that stay on the machine where they are used.
extension CertsCommand {
    /// `loradrop certs request`.
    struct Request: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "request", abstract: "Make a key here and print a request to have it certified elsewhere.")

        @OptionGroup var folder: Folder

        @Argument(help: "The peer's name.")
        var name: String

        func run() throws {
            print(try folder.certificates.makeRequest(for: name), terminator: "")
        }
    }

    /// `loradrop certs sign`.
    struct Sign: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sign",
            abstract: "Certify the request on standard input; print the certificate and the authority's.",
            discussion: "The request proves who holds the key, not who that is: know how it came to you.")

        @OptionGroup var folder: Folder

        @Option(help: "What the peer is: coordinator or worker.")
        var role: PeerIdentity.Role

        @Option(name: .customLong("run"), help: "The run it belongs to. Default: the authority's.")
        var runName: String?

        @Option(help: "How many hours it is valid, though never beyond its authority.")
        var hours = 30 * 24

        @Argument(help: "The peer's name.")
        var name: String

        func validate() throws {
            try CertsCommand.check(hours)
        }

        func run() throws {
            let certificates = folder.certificates
            let identity = try PeerIdentity(
                role: role, name: name, run: runName ?? certificates.authority().run)
            let request = try CertificateRequest(pem: CertsCommand.standardInput(), from: "standard input")
            let signed = try certificates.certify(request, as: identity, validForHours: hours)
            print(signed.certificate + signed.authority, terminator: "")
        }
    }

    /// `loradrop certs accept`.
    struct Accept: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "accept", abstract: "Put what `sign` printed, on standard input, beside the key it is for.")

        @OptionGroup var folder: Folder

        @Argument(help: "The peer's name.")
        var name: String

        func run() throws {
            let text = try CertsCommand.standardInput()
            let end = "-----END CERTIFICATE-----\n"
            let parts = text.components(separatedBy: end).map { $0 + end }
            guard parts.count == 3, parts[2] == end else {
                throw TransportError(
                    .badPEM,
                    "standard input: expected the two certificates that `loradrop certs sign` prints, found "
                        + "\(parts.count - 1)")
            }
            try folder.certificates.accept(certificate: parts[0], authority: parts[1], for: name)
        }
    }

    private static func standardInput() throws -> String {
        let data = try FileHandle.standardInput.read(upToCount: 1 << 16) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }
}
