//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import ArgumentParser
import Cluster
import Foundation
import Generation
import Inference
import LoRA
import RunConfiguration
import Supervision

/// The exit codes of every command: 0 done, 1 failed, 2 wrong usage or configuration, 3 stopped by the user with the
/// state saved.
enum ExitStatus {
    static let failed = ExitCode(1)
    static let usage = ExitCode(2)
    static let stopped = ExitCode(3)
    /// `doctor` alone: what it was given makes no sense.
    static let badInput = ExitCode(4)

    /// Says what was wrong and ends the process.
    static func end(with error: any Error) -> Never {
        switch error {
        case let code as ExitCode:
            LoRADrop.exit(withError: code)
        case is ConfigurationError:
            say("\(error)")
            LoRADrop.exit(withError: usage)
        case let error as LoRAError
        where [.badSetting, .unknownTarget, .unsupportedTarget, .badLayer].contains(error.code):
            say("\(error)")
            LoRADrop.exit(withError: usage)
        case let error as ClusterError where error.code == .badSetup:
            say("\(error)")
            LoRADrop.exit(withError: usage)
        case let error as SupervisionError where error.code == .badSetup:
            say("\(error)")
            LoRADrop.exit(withError: usage)
        case let error as SupervisionError where error.code == .interrupted:
            say("\(error)")
            LoRADrop.exit(withError: stopped)
        case let error as InferenceError where error.code == .badRequest:
            say("\(error)")
            LoRADrop.exit(withError: usage)
        case let error as GenerationError where error.code == .badRequest:
            say("\(error)")
            LoRADrop.exit(withError: usage)
        default:
            // The parser's own errors, and requests for help, know how to be shown; its usage code is 64.
            guard LoRADrop.exitCode(for: error) != .failure else {
                say("\(error)")
                LoRADrop.exit(withError: failed)
            }
            guard LoRADrop.exitCode(for: error) != .validationFailure else {
                say(LoRADrop.fullMessage(for: error))
                LoRADrop.exit(withError: usage)
            }
            LoRADrop.exit(withError: error)
        }
    }

    private static func say(_ message: String) {
        let text = message.hasPrefix("Error: ") || message.hasPrefix("error: ") ? message : "error: \(message)"
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
