//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Files
import Foundation
import Inference
import RunRecords

/// Shows what an adapter is, or what a run's journal proves.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show an adapter: layers, importance, kept and shared; checks that shared copies are equal.",
        discussion: """
            loradrop inspect runs/demo
            loradrop inspect --ledger runs/demo    proves from the journal that every example of every epoch was used \
            exactly once; exit code 1 if it was not
            """)

    @Argument(help: ArgumentHelp("An adapter folder, or a run folder with an adapter.", valueName: "folder"))
    var folder: String?

    @Option(help: ArgumentHelp("A run folder whose journal is to be counted through.", valueName: "run"))
    var ledger: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard (folder == nil) != (ledger == nil) else {
            throw ValidationError("expected one folder, or --ledger and a run folder")
        }
        guard ledger == nil || !json else { throw ValidationError("--ledger prints a page, no JSON") }
    }

    func run() throws {
        if let ledger {
            try audit(RunFolder(ledger))
        } else if let folder {
            let inspection = try AdapterInspection(adapterOrRun: folder)
            print(json ? inspection.jsonText : inspection.lines.joined(separator: "\n") + "\n", terminator: "")
        }
    }

    private func audit(_ run: RunFolder) throws {
        guard let bytes = try AtomicFile.read(run.journal) else {
            throw ValidationError("\(run.journal): there is no such file; give the folder of a run")
        }
        let audit = LedgerAudit(try Journal.contents(of: bytes, path: run.journal).records)
        print(audit.lines.joined(separator: "\n"))
        guard audit.holds else { throw ExitStatus.failed }
    }
}
