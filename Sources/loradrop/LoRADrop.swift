//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser

@main
struct LoRADrop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loradrop",
        abstract: "Fine-tune a frozen transformer with LoRA-drop on a cluster of CPU machines.",
        subcommands: [CertsCommand.self, TokenizeCommand.self])
}
