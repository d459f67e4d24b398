//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import SecureTransport

/// A folder for the throw-away certificates and other files of one simulation, which only this user may enter.
struct SimulationFolder {
    let path: String

    var certificates: CertificateFolder { CertificateFolder(path + "/certificates") }

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/loradrop-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    /// Makes the run's authority and a certificate for everybody.
    func makeCertificates(run: String, workers: some Sequence<String>) throws {
        _ = try certificates.makeAuthority(run: run, validForHours: 24 * 30)
        let coordinator = try PeerIdentity(role: .coordinator, name: "coordinator", run: run)
        _ = try certificates.issue(to: coordinator, addresses: [], validForHours: 24 * 30)
        for name in workers {
            _ = try certificates.issue(
                to: try PeerIdentity(role: .worker, name: name, run: run), addresses: [], validForHours: 24 * 30)
        }
    }

    func remove() {
        // What is left behind is a folder of throw-away files that only this user can read.
        try? FileManager.default.removeItem(atPath: path)
    }
}
