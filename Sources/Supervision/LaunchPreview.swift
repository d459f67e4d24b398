//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import SecureTransport

/// What a launch would run, for `--dry-run`.
package struct LaunchPreview {
    private let plan: LaunchPlan

    package init(_ plan: LaunchPlan) {
        self.plan = plan
    }

    /// The commands in their order, a line each; what they read stands behind them as a comment.
    /// - Throws: `.file` where the release cannot be read.
    package func lines() throws -> [String] {
        let release = try Release(file: plan.releaseFile)
        let shell = RemoteShell(plan.shell)
        let workdir = plan.shell.workdir
        var lines = [
            "# run \(plan.run), release \(release.digest)",
            "# here: unpack the release to \(release.folder(in: plan.home)), then the coordinator under a supervisor",
        ]
        for (place, host) in plan.hosts.enumerated() {
            let worker = LaunchPlan.worker(place)
            let link = HostLink(
                host, worker: worker, shell: shell, program: release.program(in: workdir),
                folder: "\(workdir)/runs/\(plan.run)/LAUNCH/\(worker)")
            let archive = release.folder(in: workdir) + ".tar.gz"
            let steps = [
                ("is the release there?", release.checkScript(in: workdir)),
                (
                    "where it is not: reads \(plan.releaseFile)",
                    RemoteShell.copyScript(to: archive, byteCount: release.byteCount, mode: "600")
                ),
                ("where it is not", release.unpackScript(in: workdir)),
                ("answers with a certificate request", link.script("prepare", ["--name", worker])),
                ("reads certificates and what to run: the worker with \(host.slots) slots", link.script("start")),
                ("for as long as the run goes on", link.script("watch", ["--from", "0"])),
                ("at the end, whatever happened", link.script("end", ["--grace", "5.0"])),
            ]
            lines.append("# \(link.label)")
            lines += steps.map { "\(shell.commandLine($0.1, on: host.name))  # \($0.0)" }
        }
        return lines
    }
}
