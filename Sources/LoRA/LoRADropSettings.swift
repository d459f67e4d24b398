//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

/// What a layer's LoRA is judged by.
package enum ImportanceScore: String, Hashable, Sendable, CaseIterable, Codable {
    /// Σ ‖ΔW·x‖² over the sample's tokens: LoRA-drop itself.
    case output
    /// As many as `output` would keep, drawn at random: a control.
    case random
    /// As many as `output` would keep, but the least important ones: a control.
    case reverse
    /// ‖ΔW‖ (Frobenius), without data.
    case weightNorm = "weight-norm"
    /// Σ |θ·∂L/∂θ| over the elements of A and B: the saliency of SNIP (Lee et al., arXiv:1810.02340), summed.
    case gradient
}

/// What is kept or not as one.
package enum DecisionGranularity: String, Hashable, Sendable, CaseIterable, Codable {
    /// A layer, its targets' importance summed.
    case layer
    /// Every target projection by itself.
    case module
}

/// The options of LoRA-drop; where the paper leaves a choice open it is one of these.
///
/// Source: Zhou et al., "LoRA-drop: Efficient LoRA Parameter Pruning based on Output Evaluation", arXiv:2402.07721.
package struct LoRADropSettings: Hashable, Sendable {
    /// The part of the training set that the probe is trained and scored on, in (0, 1].
    package var sampleRatio: Double
    /// T: the cumulative importance that the kept layers must reach; 1 or more keeps all (plain LoRA), 0 none.
    package var threshold: Double
    /// Passes of the probe over its sample.
    package var probeEpochs: Int
    package var granularity: DecisionGranularity
    package var score: ImportanceScore
    /// Whether the layers that are not kept share one LoRA a module name; without, they have none.
    package var share: Bool
    /// Layers to keep, decided by hand; nil decides by importance.
    package var keepLayers: [Int]?
    /// Keep so many candidates (layers, or modules) instead of going by the threshold; nil goes by it.
    package var keepCount: Int?
    /// Whether the fine-tuning goes on from the probe's LoRA instead of starting afresh.
    package var warmStart: Bool

    package init(
        sampleRatio: Double = 0.1, threshold: Double = 0.9, probeEpochs: Int = 3,
        granularity: DecisionGranularity = .layer, score: ImportanceScore = .output, share: Bool = true,
        keepLayers: [Int]? = nil, keepCount: Int? = nil, warmStart: Bool = false
    ) {
        self.sampleRatio = sampleRatio
        self.threshold = threshold
        self.probeEpochs = probeEpochs
        self.granularity = granularity
        self.score = score
        self.share = share
        self.keepLayers = keepLayers
        self.keepCount = keepCount
        self.warmStart = warmStart
    }

    /// Whether the kept layers follow from the settings alone: then neither probe nor importance is needed, unless
    /// the fine-tuning is to start from the probe.
    package var isDecidedBySettings: Bool {
        if keepLayers != nil { return true }
        return keepCount == nil ? threshold >= 1 || threshold == 0 : score == .random
    }

    /// - Throws: `LoRAError` with code `badSetting` or `nothingToTrain`, naming the setting.
    package func validate() throws(LoRAError) {
        guard sampleRatio > 0, sampleRatio <= 1 else {
            throw LoRAError(.badSetting, "the sample ratio must be in (0, 1], found \(sampleRatio)")
        }
        guard threshold >= 0, threshold.isFinite else {
            throw LoRAError(.badSetting, "the threshold must be 0 or more (1 keeps every layer), found \(threshold)")
        }
        guard probeEpochs > 0 else {
            throw LoRAError(.badSetting, "the probe must have at least 1 epoch, found \(probeEpochs)")
        }
        if !share, keepLayers?.isEmpty ?? (threshold == 0) {
            throw LoRAError(
                .nothingToTrain,
                "no layer is kept and the others share no LoRA, so that no LoRA would be trained; "
                    + "keep a layer or let the others share")
        }
    }
}
