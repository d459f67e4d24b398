//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

package import RunConfiguration

/// What the hosts are held against: the run that is to be, and the thresholds.
package struct ExaminationPlan: Sendable {
    /// The run's settings; nil for a look at the hosts alone.
    package var settings: RunSettings?
    /// The base model's folder; by default the settings'.
    package var model: String?
    /// Whether a worker that lacks the model, or has another one, fetches it.
    package var fetchesModel = false
    /// A folder of certificates to look at on every host; nil for none.
    package var certificates: String?
    /// The run that certificates must be of; nil for any.
    package var run: String?
    /// The folder of the program and of the logs' spool on the workers' hosts; nil for none.
    package var workFolder: String?
    /// The digest of the executable that every host must have; nil for the one that runs here.
    package var executableDigest: String?

    /// Seconds by which clocks may differ.
    package var clockLimit = 2.0
    /// Seconds of a round trip between two hosts.
    package var latencyLimit = 0.05
    /// Bytes a second between two hosts.
    package var bandwidthFloor = 10e6 / 8
    /// Hours for which certificates have to last.
    package var certificateHours = 24.0

    package init(settings: RunSettings? = nil) {
        self.settings = settings
        model = settings.map(\.model)
    }
}

/// Bytes and descriptors that a run needs on one host, by rules of thumb that are generous.
package struct Needs: Sendable, Hashable {
    package var memory: Int
    package var runFolder: Int
    package var workFolder: Int
    package var openFiles: Int
    package var processes: Int

    private static let mebibyte = 1 << 20

    /// - Parameters:
    ///   - model: The model as the coordinator has it; nil where nobody knows it.
    ///   - slots: Shards that the host's worker computes at a time; 0 where it has no worker.
    ///   - world: Workers of the run.
    ///   - fetchesModel: Whether this host has to fetch the model.
    package init(
        _ settings: RunSettings?, model: ModelFacts?, slots: Int, world: Int, isCoordinator: Bool, fetchesModel: Bool
    ) {
        let settings = settings ?? RunSettings()
        let layers = model?.layerCount ?? 0
        let hidden = model?.hiddenSize ?? 0
        let intermediate = model?.intermediateSize ?? 0
        // A family's own choice has two.
        let targets = settings.lora.targetModules.isEmpty ? 2 : settings.lora.targetModules.count
        // A target may match more than one projection of a layer, and the head comes with a few rows.
        let parameters = layers * targets * settings.lora.adapterRank * (hidden + intermediate) * 2 + hidden * 16
        // A shard has at least one example, of the longest length at most.
        let tokens = max(settings.training.shardTokens, settings.training.maxSequenceLength)
        let activations =
            4 * tokens * layers * (10 * hidden + 3 * intermediate)
            + 4 * tokens * layers * (model?.headCount ?? 0) * settings.training.maxSequenceLength
        // The layers' weights for either direction; the embeddings are not kept, which is generous.
        let split = settings.keepsSplitWeights ? 2 * (model?.byteCount ?? 0) : 0
        // Values, moments, gradients, the sums in 64 bits with their copy.
        let worker =
            slots == 0 ? 0 : 96 * Self.mebibyte + parameters * 40 + split + slots * (activations + parameters * 16)
        memory = (model?.byteCount ?? 0) + worker + (isCoordinator ? 256 * Self.mebibyte + parameters * 40 : 0)
        let checkpoints = (settings.training.saveTotalLimit ?? 8) + 1
        runFolder = 64 * Self.mebibyte + checkpoints * parameters * 16
        workFolder = 256 * Self.mebibyte + (fetchesModel ? model?.byteCount ?? 0 : 0)
        // Every link, callers that have not introduced themselves (256 at most), files.
        openFiles = 384 + 4 * world
        processes = 64 + 2 * slots
    }
}
