//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import SecureTransport

/// A throw-away authority and identities of a run.
struct TestAuthority {
    let authority: CertificateAuthority
    let run: String?

    init(run: String? = "cola-1") throws {
        self.run = run
        authority = try CertificateAuthority.make(run: run, validForHours: 24 * 30)
    }

    func identity(_ role: PeerIdentity.Role, _ name: String) throws -> PeerIdentity {
        try PeerIdentity(role: role, name: name, run: run)
    }

    /// Credentials of a member of the run.
    /// - Parameter time: When they were issued, for expired ones.
    func credentials(
        _ role: PeerIdentity.Role, _ name: String, hours: Int = 1, at time: Int64 = CalendarTime.now()
    ) throws -> TLSCredentials {
        try TLSCredentials(authority.issue(to: identity(role, name), validForHours: hours, at: time))
    }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/loradrop-transport-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TransportError(.fileUnwritable, "cannot make a temporary folder")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        // Flat: tests make files only.
        for name in entries { _ = unlink("\(path)/\(name)") }
        _ = rmdir(path)
    }

    /// The names of the files in it, sorted.
    var entries: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
