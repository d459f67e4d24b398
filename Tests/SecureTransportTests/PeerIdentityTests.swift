//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import SecureTransport
import Testing

@Suite struct PeerIdentityTests {
    @Test("Identities are written and read back")
    func roundTrip() throws {
        for role in PeerIdentity.Role.allCases {
            for run in ["cola-1", nil] {
                let identity = try PeerIdentity(role: role, name: "a.B_c-9", run: run)
                #expect(try PeerIdentity(uri: identity.uri) == identity)
            }
        }
        #expect(try PeerIdentity(role: .coordinator, name: "main").uri == "loradrop:///coordinator/main")
        #expect(try PeerIdentity(uri: "loradrop://r/worker/w").description == "worker \"w\" of run \"r\"")
    }

    @Test(
        "Names outside the grammar are refused",
        arguments: [
            "", ".", "..", "-a", "_a", "a b", "a/b", "a,b", "a\0b", "ä", "a\n", String(repeating: "a", count: 64),
        ])
    func badNames(name: String) {
        let error = #expect(throws: TransportError.self) { try PeerIdentity(role: .worker, name: name) }
        #expect(error?.code == .badIdentity)
        #expect(throws: TransportError.self) { try PeerIdentity(role: .worker, name: "w", run: name) }
    }

    @Test("No worker has a name that the run's files give to others", arguments: ["all", "coordinator"])
    func reservedNames(name: String) throws {
        let error = #expect(throws: TransportError.self) { try PeerIdentity(role: .worker, name: name) }
        #expect(error?.code == .badIdentity && error?.description.contains("\"\(name)\"") == true)
        #expect(throws: TransportError.self) { try PeerIdentity(uri: "loradrop://r/worker/\(name)") }
        #expect(try PeerIdentity(role: .coordinator, name: name).name == name)
    }

    @Test("A name of 63 characters is the longest")
    func longestName() throws {
        let name = String(repeating: "x", count: 63)
        let identity = try PeerIdentity(role: .worker, name: name, run: name)
        let authority = try CertificateAuthority.make(run: name, validForHours: 1)
        #expect(try authority.issue(to: identity, validForHours: 1).summary.identity == identity)
    }

    @Test(
        "Texts that are no identities are refused",
        arguments: [
            "", "loradrop://", "loradrop://r/worker", "loradrop://r/worker/", "loradrop://r/worker/w/x",
            "loradrop://r/boss/w", "LORADROP://r/worker/w", "loradrop:/r/worker/w", "https://r/worker/w",
            "loradrop://r/worker/w?x", "loradrop://r:1/worker/w", "loradrop://r/Worker/w", " loradrop://r/worker/w",
        ])
    func badURIs(uri: String) {
        let error = #expect(throws: TransportError.self) { try PeerIdentity(uri: uri) }
        #expect(error?.code == .badIdentity)
    }
}
