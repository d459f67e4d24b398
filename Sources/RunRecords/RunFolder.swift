//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

import Files
import Foundation

/// Where a run writes what.
package struct RunFolder: Sendable, Hashable {
    /// The folder, as the user named it.
    package let path: String

    package init(_ path: String) {
        self.path = path
    }

    package var adapter: String { path + "/adapter" }
    package var adapterWeights: String { adapter + "/adapter_model.safetensors" }
    package var adapterConfiguration: String { adapter + "/adapter_config.json" }
    package var loraDropRecord: String { adapter + "/lora_drop.json" }
    package var logs: String { path + "/logs" }
    /// All log records, in the order of their arrival.
    package var mergedLog: String { logs + "/all.jsonl" }
    /// The resolved configuration.
    package var configuration: String { path + "/config.yaml" }
    package var trainerState: String { path + "/trainer_state.json" }
    package var allResults: String { path + "/all_results.json" }
    package var journal: String { path + "/journal.jsonl" }
    /// Which run the folder holds.
    package var identity: String { path + "/run.json" }
    /// Locked as long as a coordinator owns the folder.
    package var lockFile: String { path + "/run.lock" }

    /// The log of one worker.
    package func log(ofWorker name: String) -> String { logs + "/\(name).jsonl" }
    /// Where a worker that runs on the coordinator's own host keeps its records until they are acknowledged.
    package func spool(ofWorker name: String) -> String { path + "/spool/\(name)" }

    /// What is in the folder; nothing where there is none.
    func names() throws(FileError) -> [String] {
        guard FileManager.default.fileExists(atPath: path) else {
            return []
        }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw FileError("list the folder", path: path, error)
        }
    }
}
