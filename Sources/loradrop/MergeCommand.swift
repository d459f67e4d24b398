//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import LoRA

/// Folds an adapter into its base model.
struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Write a Hugging Face folder with the adapter folded into the base model.",
        discussion: "loradrop merge --model DIR --adapter DIR --output DIR")

    @Option(help: ArgumentHelp("The base model that the adapter was trained on.", valueName: "folder"))
    var model: String

    @Option(help: ArgumentHelp("The adapter, of loradrop's or of PEFT's hand.", valueName: "folder"))
    var adapter: String

    @Option(help: ArgumentHelp("Where the model goes: a new or an empty folder.", valueName: "folder"))
    var output: String

    func run() throws {
        try MergedModel.write(baseFolder: model, adapterFolder: adapter, to: output)
        print("wrote \(output): \(model) with \(adapter) folded in")
    }
}
