//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Cluster
import SecureTransport

@main
struct LoRADrop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loradrop",
        abstract: "Fine-tune a frozen transformer with LoRA-drop on a cluster of CPU machines.",
        version: versionText,
        subcommands: [
            SimulateCommand.self, CoordinatorCommand.self, WorkerCommand.self, LaunchCommand.self,
            StatusCommand.self, AttachCommand.self, StopCommand.self, SuperviseCommand.self, PredictCommand.self,
            EvaluateCommand.self, MergeCommand.self, InspectCommand.self, LogsCommand.self, CertsCommand.self,
            DoctorCommand.self, BenchCommand.self, TokenizeCommand.self, DetokenizeCommand.self,
            ChaosCampaignCommand.self, RehearseCommand.self,
        ])

    /// The build, which is read off the whole program, is told where somebody asks for it alone.
    private static var versionText: String {
        CommandLine.arguments.contains("--version") ? BuildIdentity.versionText : BuildIdentity.version
    }

    /// Runs the command that the arguments name, and ends with one of the documented exit codes.
    static func main() {
        TLSLibrary.staysUpAtExit()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            ExitStatus.end(with: error)
        }
    }
}
