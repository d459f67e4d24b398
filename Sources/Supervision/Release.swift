//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Digests
import Foundation
import SecureTransport

/// A packaged release (`deploy/package.sh`) and its place on hosts: `WORKDIR/releases/SHA-256`.
///
/// The digest of the tarball is its name there, so another build is another folder, and a running one is left alone.
package struct Release: Sendable {
    /// The tarball on this machine.
    package let file: String
    package let digest: String
    package let byteCount: UInt64

    /// - Throws: `.file` where it cannot be read.
    package init(file: String) throws(SupervisionError) {
        self.file = file
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw SupervisionError(.file, "\(file): cannot read the packaged release; deploy/package.sh makes it")
        }
        var sum = SHA256()
        var count: UInt64 = 0
        do {
            while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
                sum.update([UInt8](piece))
                count += UInt64(piece.count)
            }
        } catch {
            throw SupervisionError(.file, "\(file): cannot read the packaged release: \(error.localizedDescription)")
        }
        digest = sum.finish().description
        byteCount = count
    }

    /// Where it is unpacked below a working folder.
    package func folder(in workdir: String) -> String { "\(workdir)/releases/\(digest)" }
    package func program(in workdir: String) -> String { "\(folder(in: workdir))/loradrop" }
    private func archive(in workdir: String) -> String { "\(folder(in: workdir)).tar.gz" }

    /// Tells what a host is and whether it has this release, whole: `KERNEL MACHINE`, the address that it sees us by
    /// (`-` where it does not say), and `installed` or `missing`, a line each.
    package func checkScript(in workdir: String) -> String {
        "uname -sm && set -- ${SSH_CONNECTION:--} && echo \"$1\" && d=\(ShellText.path(folder(in: workdir))) && "
            + "if [ -f \"$d/MANIFEST\" ] && (cd \"$d\" && sha256sum --status -c MANIFEST); "
            + "then echo installed; else echo missing; fi"
    }

    /// Unpacks the copied tarball beside its place, then moves it there, and starts it once.
    package func unpackScript(in workdir: String) -> String {
        let place = ShellText.path(folder(in: workdir))
        return "d=\(place); a=\"$d.tar.gz\"; t=\"$d.partial.$$\"; o=\"$d.old.$$\"; "
            + "trap 'rm -rf \"$t\" \"$o\"' EXIT; "
            + "echo \"\(digest)  $a\" | sha256sum --quiet -c - && mkdir \"$t\" && "
            + "tar -xzf \"$a\" -C \"$t\" --strip-components=1 && \"$t/loradrop\" --version && "
            + "{ [ ! -e \"$d\" ] || mv \"$d\" \"$o\"; } && mv \"$t\" \"$d\" && rm -f \"$a\""
    }

    /// Copies and unpacks it on a host.
    func install(
        on host: String, _ shell: RemoteShell, until deadline: Deadline, interruption: Interruption
    ) throws {
        let workdir = shell.options.workdir
        try shell.copy(
            file, to: archive(in: workdir), on: host, until: deadline, interruption: interruption)
        _ = try shell.check(unpackScript(in: workdir), on: host, until: deadline, interruption: interruption)
    }

    /// Unpacks it on this machine, unless it is there and whole.
    /// - Returns: The program.
    package func installHere(in workdir: String, interruption: Interruption) throws -> String {
        let place = folder(in: workdir)
        let deadline = Deadline.after(.seconds(120))
        let check = CommandRun("sh", ["-c", "cd \(ShellText.quoted(place)) && sha256sum --status -c MANIFEST"])
        if try check.run(until: deadline, interruption: interruption).end != .exit(0) {
            let copy =
                "d=\(ShellText.quoted(place)) && mkdir -p \"$(dirname \"$d\")\" && "
                + "cp \(ShellText.quoted(file)) \"$d.tar.gz\" && { \(unpackScript(in: workdir)); }"
            let done = try CommandRun("sh", ["-c", copy]).run(until: deadline, interruption: interruption)
            guard done.end == .exit(0) else {
                throw SupervisionError(.file, "cannot unpack \(file) to \(place): \(done.errorText)")
            }
        }
        return program(in: workdir)
    }
}
