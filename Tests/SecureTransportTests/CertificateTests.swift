//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport
import Testing

@Suite struct CertificateTests {
    private let folder: TemporaryFolder
    private let certificates: CertificateFolder

    init() throws {
        folder = try TemporaryFolder()
        certificates = CertificateFolder(folder.path)
    }

    private func mode(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    private func worker(_ name: String) throws -> PeerIdentity {
        try PeerIdentity(role: .worker, name: name, run: "cola-1")
    }

    @Test("An authority and certificates go through files; keys are for their owner only")
    func files() throws {
        try certificates.makeAuthority(run: "cola-1", validForHours: 48)
        let before = CalendarTime.now()
        try certificates.issue(to: worker("w1"), addresses: ["10.0.0.7", "fe80::1", "node1"], validForHours: 24)
        #expect(folder.entries == ["ca.key", "ca.pem", "w1.key", "w1.pem"])
        #expect(try mode(of: certificates.authorityKeyFile) == 0o600)
        #expect(try mode(of: certificates.keyFile(of: "w1")) == 0o600)
        #expect(try mode(of: certificates.certificateFile(of: "w1")) == 0o644)
        #expect(try certificates.credentials(of: "w1").identity == worker("w1"))

        let summaries = try certificates.summaries()
        #expect(summaries.map(\.file) == ["ca.pem", "w1.pem"])
        #expect(summaries[0].summary.isAuthority && summaries[0].summary.identity == nil)
        let own = summaries[1].summary
        #expect(!own.isAuthority)
        #expect(own.identity == (try worker("w1")))
        #expect(own.addresses == ["10.0.0.7", "fe80:0:0:0:0:0:0:1", "node1"])
        #expect(own.issuer == summaries[0].summary.subject)
        #expect((before - 300...before - 290).contains(own.notBefore))
        #expect(own.notAfter - own.notBefore == 24 * 3600 + 300)
        #expect(own.isValid() && !own.isValid(at: own.notAfter + 1))
        #expect(own.fingerprint.count == 64 && own.fingerprint != summaries[0].summary.fingerprint)
    }

    @Test("An authority for one run certifies nobody of another")
    func authorityOfOneRun() throws {
        try certificates.makeAuthority(run: "cola-2", validForHours: 1)
        #expect(try certificates.authority().run == "cola-2")
        let error = #expect(throws: TransportError.self) { try certificates.issue(to: worker("w1"), validForHours: 1) }
        #expect(error?.code == .badIdentity)
        #expect(try CertificateAuthority.make(validForHours: 1).run == nil)
    }

    @Test("A certificate never outlives its authority")
    func boundedByAuthority() throws {
        let authority = try certificates.makeAuthority(validForHours: 2)
        let issued = try certificates.issue(to: worker("w1"), validForHours: 1000)
        #expect(issued.summary.notAfter == authority.summary.notAfter)
        let error = #expect(throws: TransportError.self) {
            try authority.issue(to: worker("w2"), validForHours: 1, at: CalendarTime.now() + 3 * 3600)
        }
        #expect(error?.code == .expiredCertificate)
    }

    @Test("Nothing is overwritten, and no half of a pair is left")
    func refusesToOverwrite() throws {
        try certificates.makeAuthority(validForHours: 1)
        let first = try Data(contentsOf: URL(fileURLWithPath: certificates.authorityKeyFile))
        let error = #expect(throws: TransportError.self) { try certificates.makeAuthority(validForHours: 1) }
        #expect(error?.code == .fileExists)
        #expect(error?.message.contains(certificates.authorityFile) == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: certificates.authorityKeyFile)) == first)

        try Data().write(to: URL(fileURLWithPath: certificates.keyFile(of: "w1")))
        #expect(throws: TransportError.self) { try certificates.issue(to: worker("w1"), validForHours: 1) }
        #expect(folder.entries == ["ca.key", "ca.pem", "w1.key"])
        let named = #expect(throws: TransportError.self) { try certificates.issue(to: worker("ca"), validForHours: 1) }
        #expect(named?.code == .badIdentity)
    }

    @Test("A key that others may read is refused")
    func exposedKey() throws {
        try certificates.makeAuthority(validForHours: 1)
        try certificates.issue(to: worker("w1"), validForHours: 1)
        let path = certificates.keyFile(of: "w1")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        let error = #expect(throws: TransportError.self) { try certificates.credentials(of: "w1") }
        #expect(error?.code == .exposedKey)
        #expect(error?.message.contains("mode 0640, expected 0600") == true)
    }

    @Test("Files that do not belong together are refused when they are loaded")
    func mixedFiles() throws {
        try certificates.makeAuthority(validForHours: 1)
        try certificates.issue(to: worker("w1"), validForHours: 1)
        try certificates.issue(to: worker("w2"), validForHours: 1)
        let mismatch = #expect(throws: TransportError.self) {
            try TLSCredentials(
                authorityFile: certificates.authorityFile, certificateFile: certificates.certificateFile(of: "w1"),
                keyFile: certificates.keyFile(of: "w2"))
        }
        #expect(mismatch?.code == .keyMismatch)

        let elsewhere = try TemporaryFolder()
        let others = CertificateFolder(elsewhere.path)
        try others.makeAuthority(validForHours: 1)
        let untrusted = #expect(throws: TransportError.self) {
            try TLSCredentials(
                authorityFile: others.authorityFile, certificateFile: certificates.certificateFile(of: "w1"),
                keyFile: certificates.keyFile(of: "w1"))
        }
        #expect(untrusted?.code == .untrustedCertificate)
        #expect(untrusted?.message.contains(others.authorityFile) == true)

        let notAuthority = #expect(throws: TransportError.self) {
            try CertificateAuthority(
                certificateFile: certificates.certificateFile(of: "w1"), keyFile: certificates.keyFile(of: "w1"))
        }
        #expect(notAuthority?.code == .badCertificate)
        let nameless = #expect(throws: TransportError.self) {
            try TLSCredentials(
                authorityFile: certificates.authorityFile, certificateFile: certificates.authorityFile,
                keyFile: certificates.authorityKeyFile)
        }
        #expect(nameless?.code == .badIdentity)
    }

    @Test("An own certificate outside its validity is refused when it is loaded")
    func expiredOwn() throws {
        let authority = try certificates.makeAuthority(validForHours: 48)
        for (name, time, code) in [
            ("old", CalendarTime.now() - 7200, TransportError.Code.expiredCertificate),
            ("early", CalendarTime.now() + 7200, .notYetValidCertificate),
        ] {
            try authority.issue(to: worker(name), validForHours: 1, at: time)
                .write(certificateFile: certificates.certificateFile(of: name), keyFile: certificates.keyFile(of: name))
            let error = #expect(throws: TransportError.self) { try certificates.credentials(of: name) }
            #expect(error?.code == code)
        }
    }

    @Test("Files that are no PEM are refused with their names")
    func noPEM() throws {
        try certificates.makeAuthority(validForHours: 1)
        try certificates.issue(to: worker("w1"), validForHours: 1)
        let path = "\(folder.path)/x.pem"
        let certificate = try Data(contentsOf: URL(fileURLWithPath: certificates.certificateFile(of: "w1")))
        for bytes in [Data(), Data("hello".utf8), certificate.prefix(200), Data(repeating: 0xFF, count: 5000)] {
            try bytes.write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: TransportError.self) { try CertificateSummary(readingFrom: path) }
            #expect(error?.code == .badPEM)
            #expect(error?.message.contains(path) == true)
        }
        let missing = #expect(throws: TransportError.self) { try CertificateSummary(readingFrom: "\(path).no") }
        #expect(missing?.code == .fileUnreadable)
        let device = #expect(throws: TransportError.self) { try CertificateSummary(readingFrom: "/dev/zero") }
        #expect(device?.code == .fileUnreadable)
        let keyAsCertificate = #expect(throws: TransportError.self) {
            try CertificateSummary(readingFrom: certificates.keyFile(of: "w1"))
        }
        #expect(keyAsCertificate?.code == .badPEM)
    }

    @Test(
        "Addresses that are none do not get into a certificate", arguments: ["", "a,URI:x", "a b", "10.0.0.1/8", "é"])
    func badAddresses(address: String) throws {
        let authority = try CertificateAuthority.make(validForHours: 1)
        let error = #expect(throws: TransportError.self) {
            try authority.issue(to: worker("w1"), addresses: [address], validForHours: 1)
        }
        #expect(error?.code == .badIdentity)
    }
}
