//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Inference

/// Shows what an adapter is.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show an adapter: layers, importance, kept and shared; checks that shared copies are equal.",
        discussion: "loradrop inspect runs/demo")

    @Argument(help: ArgumentHelp("An adapter folder, or a run folder with an adapter.", valueName: "folder"))
    var folder: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let inspection = try AdapterInspection(adapterOrRun: folder)
        print(json ? inspection.jsonText : inspection.lines.joined(separator: "\n") + "\n", terminator: "")
    }
}
