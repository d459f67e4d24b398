//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import Cluster
import Digests
import Foundation
package import RunConfiguration
package import Training

/// The run that a disturbed one is held against: the same configuration with one worker that nothing happens to.
package enum UndisturbedRun {
    /// What the adapter's weights came to.
    package static func adapterDigest(of settings: RunSettings) throws -> String {
        try Digest(of: Array(Data(contentsOf: URL(fileURLWithPath: adapterFile(of: settings))))).description
    }

    /// Runs it in a folder of its own, which is gone afterwards.
    /// - Returns: The SHA-256 of its adapter's weights; nil if the user stopped it.
    package static func run(
        like settings: RunSettings, executable: String, console: any Console, stop: StopRequest
    ) throws -> String? {
        let folder = try SimulationFolder()
        defer { folder.remove() }
        var settings = settings
        settings.outputDirectory = folder.path + "/undisturbed"
        settings.cluster = RunSettings().cluster
        settings.training.traceDirectory = nil
        guard try SimulatedCluster(settings, executable: executable, console: console, stop: stop).run() else {
            return nil
        }
        return try adapterDigest(of: settings)
    }

    private static func adapterFile(of settings: RunSettings) -> String {
        settings.outputDirectory + "/adapter/adapter_model.safetensors"
    }
}

/// A console that shows nothing.
package final class SilentConsole: Console {
    package let isTerminal = false

    package init() {}

    package func line(_ text: String) {}
    package func progress(_ text: String) {}
}
