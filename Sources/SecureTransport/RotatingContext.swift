//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import Synchronization

/// A process's TLS context that follows its certificate files: new connections use what lies there now, and those that
/// stand go on as they are.
///
/// So certificates, keys and authorities are renewed without a stop. A pair that does not fit together is half written:
/// the one before stays in use until it does.
package final class RotatingContext: Sendable {
    private struct State {
        var context: TLSContext
        var summary: CertificateSummary
        var stamp: [FileStamp?]
        var nextLook: Deadline
    }

    /// What tells one version of a file from the next.
    private struct FileStamp: Hashable {
        let inode: UInt64
        let size: Int64
        let seconds: Int
        let nanoseconds: Int
    }

    private let folder: CertificateFolder
    private let name: String
    private let interval: Duration
    private let state: Mutex<State>

    /// Reads a peer's credentials.
    /// - Parameter interval: How often the files are looked at, at most.
    /// - Throws: As `TLSCredentials.init`.
    package init(_ folder: CertificateFolder, name: String, interval: Duration = .seconds(1)) throws {
        self.folder = folder
        self.name = name
        self.interval = interval
        let stamp = Self.stamp(folder, name)
        let credentials = try folder.credentials(of: name)
        state = Mutex(
            State(
                context: try TLSContext(credentials), summary: credentials.summary, stamp: stamp,
                nextLook: .after(interval)))
    }

    /// Who we are; a renewed certificate of somebody else is not taken.
    package var identity: PeerIdentity { state.withLock(\.context.identity) }

    /// What the certificate in use says.
    package var summary: CertificateSummary { state.withLock(\.summary) }

    /// The context for a new connection.
    package var current: TLSContext {
        state.withLock { state in
            guard state.nextLook.hasPassed else { return state.context }
            state.nextLook = .after(interval)
            let stamp = Self.stamp(folder, name)
            guard stamp != state.stamp, let credentials = try? folder.credentials(of: name),
                credentials.identity == state.context.identity, let context = try? TLSContext(credentials)
            else { return state.context }
            state.context = context
            state.summary = credentials.summary
            state.stamp = stamp
            return context
        }
    }

    private static func stamp(_ folder: CertificateFolder, _ name: String) -> [FileStamp?] {
        [folder.authorityFile, folder.certificateFile(of: name), folder.keyFile(of: name)].map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            return FileStamp(
                inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: Int(status.st_mtim.tv_sec),
                nanoseconds: Int(status.st_mtim.tv_nsec))
        }
    }
}
