//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Testing

@Suite("Certificates for keys that stay where they were made")
struct CertificateRequestTests {
    private func withFolders(_ body: (CertificateFolder, CertificateFolder) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/requests-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(CertificateFolder(path + "/authority"), CertificateFolder(path + "/host"))
    }

    @Test("A request becomes a certificate that its key can use, under the identity that the authority gives")
    func certifies() throws {
        try withFolders { authority, host in
            try authority.makeAuthority(run: "r1", validForHours: 10)
            let text = try host.makeRequest(for: "worker-3")
            let identity = try PeerIdentity(role: .worker, name: "worker-3", run: "r1")
            let signed = try authority.certify(
                CertificateRequest(pem: text, from: "host"), as: identity, validForHours: 2)
            try host.accept(certificate: signed.certificate, authority: signed.authority, for: "worker-3")
            let context = try TLSContext(host.credentials(of: "worker-3"))
            #expect(context.identity == identity)
            let mode = try FileManager.default.attributesOfItem(atPath: host.keyFile(of: "worker-3"))[.posixPermissions]
            #expect(mode as? Int == 0o600)
            #expect(!FileManager.default.fileExists(atPath: host.authorityKeyFile))
            #expect(!FileManager.default.fileExists(atPath: authority.keyFile(of: "worker-3")))
        }
    }

    @Test("A changed request, none, and a certificate of another key are refused")
    func refuses() throws {
        try withFolders { authority, host in
            try authority.makeAuthority(run: "r1", validForHours: 10)
            let text = try host.makeRequest(for: "a")
            let lines = text.split(separator: "\n")
            let body = lines.dropFirst().dropLast().joined()
            var bytes = [UInt8](try #require(Data(base64Encoded: body)))
            bytes[bytes.count - 1] ^= 1
            let changed = "\(lines[0])\n\(Data(bytes).base64EncodedString())\n\(lines[lines.count - 1])\n"
            for wrong in [changed, "", "no request", String(repeating: "x", count: 20_000)] {
                #expect(throws: TransportError.self) { try CertificateRequest(pem: wrong, from: "host") }
            }
            let other = try CertificateRequest(pem: host.makeRequest(for: "b"), from: "host")
            let identity = try PeerIdentity(role: .worker, name: "a", run: "r1")
            let signed = try authority.certify(other, as: identity, validForHours: 2)
            let error = #expect(throws: TransportError.self) {
                try host.accept(certificate: signed.certificate, authority: signed.authority, for: "a")
            }
            #expect(error?.code == .keyMismatch)
            let stranger = try PeerIdentity(role: .worker, name: "a", run: "r2")
            #expect(throws: TransportError.self) { try authority.certify(other, as: stranger, validForHours: 2) }
            #expect(throws: TransportError.self) { try host.makeRequest(for: "a") }
        }
    }
}
